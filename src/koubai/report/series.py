"""From the histories of several seeds to arrays that can be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from koubai.core.params import Array
from koubai.probes.history import History
from koubai.report.palette import Style


@dataclass(frozen=True, eq=False)
class Curve:
    """One quantity of one arm over training: `values` (seeds, T) at `steps` (T,), NaN where there is none.

    `short` is the arm's name inside its panel, `title` the one it has everywhere else.
    """

    title: str
    short: str
    style: Style
    steps: Array
    values: Array

    @property
    def mean(self) -> Array:
        """Mean over the seeds that have a number, (T,)."""
        finite = np.isfinite(self.values)
        total = np.where(finite, self.values, 0).sum(axis=0)
        return np.where(finite.any(axis=0), total / np.maximum(finite.sum(axis=0), 1), np.nan)

    @property
    def last(self) -> float:
        """The last mean that is a number, or NaN."""
        finite = self.mean[np.isfinite(self.mean)]
        return float(finite[-1]) if finite.size else float("nan")


@dataclass(frozen=True, eq=False)
class Profile:
    """One quantity of one arm over the layers in forward order: `values` (seeds, L)."""

    title: str
    short: str
    style: Style
    layers: tuple[str, ...]
    values: Array

    @property
    def median(self) -> Array:
        """Median over seeds, (L,): an exact zero in one seed does not hide the others."""
        return np.median(self.values, axis=0) if len(self.values) else np.zeros(len(self.layers))


def stack(histories: Sequence[History], quantity: str, path: str = "") -> tuple[Array, Array]:
    """Return (steps (T,), values (seeds, T)) of one quantity over several histories."""
    series = [history.series(quantity, path) for history in histories]
    steps = np.unique(np.concatenate([s for s, _ in series])) if series else np.zeros(0, np.int64)
    values = np.full((len(series), len(steps)), np.nan)
    for row, (own, numbers) in zip(values, series, strict=True):
        row[np.searchsorted(steps, own)] = numbers
    return steps, values


def interval_of_mean(values: Array) -> tuple[Array, Array]:
    """Return (low, high) of the 95 % interval of the mean over seeds at every step, by Student's t.

        mean -+ t_{n-1} s / sqrt(n)

    `values` (seeds, T), NaN left out; NaN where fewer than two seeds have a number.
    """
    from scipy.special import stdtrit

    finite = np.isfinite(values)
    n = finite.sum(axis=0)
    filled = np.where(finite, values, 0.0)
    mean = filled.sum(axis=0) / np.maximum(n, 1)
    spread = np.sqrt((np.where(finite, values - mean, 0.0) ** 2).sum(axis=0) / np.maximum(n - 1, 1))
    half = stdtrit(np.maximum(n - 1, 1), 0.975) * spread / np.sqrt(np.maximum(n, 1))
    return np.where(n > 1, mean - half, np.nan), np.where(n > 1, mean + half, np.nan)
