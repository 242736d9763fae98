"""Statistics of a handful of seeds: intervals, exact paired tests, Holm, and how many seeds would tell.

Two-sided intervals at `level`. The functions of distributions are those of `scipy.special`, which loads ten
times as fast as `scipy.stats` and is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log2, sqrt

import numpy as np

from koubai.core import random
from koubai.core.params import Array

LEVEL = 0.95
RESAMPLES = 9999
FEWEST_FOR_BOOTSTRAP = 5
"""Resampled means stay between the smallest and the largest value; these enclose the centre of a symmetric
distribution with probability 1 - 2 / 2^n: .75 for 3 values, .94 for 5. Below 5, none can reach 95 %."""


@dataclass(frozen=True)
class Interval:
    """An interval and how it was made: 'bca', 't', 'point' (all values equal) or 'clopper-pearson'."""

    low: float
    high: float
    method: str
    level: float = LEVEL

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean; exactly the value when all are equal."""
    return values[0] if all(v == values[0] for v in values) else float(np.mean(values))


def sd(values: Sequence[float]) -> float:
    """Sample standard deviation (n - 1); 0 for one value or equal values."""
    return 0.0 if all(v == values[0] for v in values) else float(np.std(values, ddof=1))


def interquartile_mean(values: Sequence[float]) -> float:
    """Mean of the middle half: a quarter of the weight is cut off either end, values at the cut in part.

    >>> interquartile_mean([0, 1, 2, 3, 100])  # weights 0, .75, 1, .75, 0
    2.0
    """
    ordered = np.sort(np.asarray(values, float))
    n = len(ordered)
    edges = np.arange(n + 1)
    inside = np.clip(np.minimum(edges[1:], 0.75 * n) - np.maximum(edges[:-1], 0.25 * n), 0, None)
    return float((inside * ordered).sum() / inside.sum())


def mean_interval(values: Sequence[float], level: float = LEVEL) -> Interval | None:
    """Return an interval for the mean; None for fewer than two values.

    | values            | interval                                                                        |
    |-------------------|---------------------------------------------------------------------------------|
    | all equal         | the point: nothing is known about the spread but that none was seen             |
    | fewer than 5      | Student's t                                                                     |
    | 5 and more        | BCa bootstrap (Efron 1987), its level widened for small n (Hesterberg 2015)     |

    The plain bootstrap is too narrow by sqrt((n-1)/n) and by normal instead of t quantiles; the widened
    level a' solves z(a') = sqrt(n / (n-1)) t(a, n-1). Simulated on normal values, 95 % intervals hold the
    true mean in 92 % of cases for 5 values and 94 % for 8 (1,000 repetitions).
    """
    from scipy.special import ndtr, stdtrit

    n = len(values)
    if n < 2:
        return None
    if sd(values) == 0:
        return Interval(values[0], values[0], "point", level)
    t = float(stdtrit(n - 1, (1 + level) / 2))
    if n >= FEWEST_FOR_BOOTSTRAP:
        widened = 1 - 2 * float(ndtr(-sqrt(n / (n - 1)) * t))
        found = bootstrapped(np.asarray(values, float), widened)
        if found is not None:
            return Interval(*found, "bca", level)
    half = t * sd(values) / sqrt(n)
    return Interval(mean(values) - half, mean(values) + half, "t", level)


def bootstrapped(x: Array, level: float) -> tuple[float, float] | None:
    """Return the ends of the BCa interval for the mean; None for values too nearly equal for one.

        a = sum u^3 / (6 (sum u^2)^1.5),  u = x - mean x
        z0 = Phi^-1(share of resampled means below mean x, half of those equal to it)
        ends: the resampled means' quantiles Phi(z0 + z / (1 - a z)),  z = z0 -+ Phi^-1((1 + level) / 2)

    Source: Efron and Tibshirani 1993, "An introduction to the bootstrap", section 14.3.
    """
    from scipy.special import ndtr, ndtri

    n, seen = len(x), x.mean()
    means = x[random.generator(0, "bootstrap", n).integers(0, n, (RESAMPLES, n))].mean(axis=1)
    u, half = x - seen, ndtri((1 + level) / 2)
    with np.errstate(all="ignore"):
        a = (u**3).sum() / (6 * (u**2).sum() ** 1.5)
        z0 = ndtri((np.mean(means < seen) + np.mean(means <= seen)) / 2)
        z = z0 + np.array([-half, half])
        shares = ndtr(z0 + z / (1 - a * z))
    if not np.isfinite(shares).all():
        return None
    low, high = np.quantile(means, shares)
    return float(low), float(high)


def sign_flip_p(differences: Sequence[float], alternative: str = "two-sided") -> float:
    """Return the p of paired differences under independent flips of their signs (Fisher 1935).

    Exact up to 13 pairs (all 2^n flips); beyond, from 9,999 random flips. `alternative` is 'two-sided',
    'greater' (mean above 0) or 'less'. With n pairs no one-sided p is below 2^-n.
    """
    d = np.asarray(differences, float)
    n = len(d)
    if n == 0 or not d.any():
        return 1.0
    if n == 1:  # one flip leaves two equally likely outcomes
        towards = {"two-sided": False, "greater": d[0] > 0, "less": d[0] < 0}[alternative]
        return 0.5 if towards else 1.0
    exact = 2**n <= RESAMPLES
    if exact:
        flipped = np.arange(2**n)[:, np.newaxis] >> np.arange(n) & 1
    else:
        flipped = random.generator(0, "sign flips", n).integers(0, 2, (RESAMPLES, n))
    means, seen = np.where(flipped, -d, d).mean(axis=1), d.mean()
    slack = 100 * np.finfo(float).eps * abs(seen)  # sums of the same numbers in another order are equal
    tails = {"less": means <= seen + slack, "greater": means >= seen - slack}
    p = {name: (tail.sum() + (not exact)) / (len(means) + (not exact)) for name, tail in tails.items()}
    return float(p[alternative] if alternative in p else min(1.0, 2 * min(p.values())))


def holm(p: Sequence[float]) -> list[float]:
    """Return p values adjusted over a family (Holm 1979): no claim is believed because many were made.

    Sorted p(1) <= ... <= p(m):  p'(i) = max over j <= i of min(1, (m - j + 1) p(j)).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted, worst = [0.0] * len(p), 0.0
    for rank, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        worst = max(worst, min(1.0, (len(p) - rank) * p[i]))
        adjusted[i] = worst
    return adjusted


def share_interval(successes: int, n: int, level: float = LEVEL) -> Interval:
    """Return the exact interval of a share (Clopper and Pearson 1934); [0, 1] for n = 0."""
    from scipy.special import betaincinv

    if n == 0:
        return Interval(0.0, 1.0, "clopper-pearson", level)
    low = float(betaincinv(successes, n - successes + 1, (1 - level) / 2)) if successes else 0.0
    high = float(betaincinv(successes + 1, n - successes, (1 + level) / 2)) if successes < n else 1.0
    return Interval(low, high, "clopper-pearson", level)


def seeds_needed(difference: float, spread: float, *, family: int = 1, alpha: float = 0.05) -> float:
    """Return how many pairs would probably (4 times of 5) settle a one-sided paired test; inf for none.

    n = ((z(1 - alpha/m) + z(.8)) spread / |difference|)^2, with m = `family` tests under Holm; and at
    least log2(m / alpha), below which the exact test of sign flips cannot reach alpha.
    """
    from scipy.special import ndtri

    fewest = ceil(log2(family / alpha))
    if spread == 0:
        return float(fewest) if difference else float("inf")
    if difference == 0:
        return float("inf")
    z = float(ndtri(0.8) - ndtri(alpha / family))
    return float(max(fewest, ceil((z * spread / difference) ** 2)))
