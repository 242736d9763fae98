"""Each statistic against another computation of it, and the intervals against their promise."""

from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import koubai.core.random
from koubai.core import statistics

numbers = st.lists(st.floats(-100, 100, allow_nan=False), min_size=1, max_size=12)


@given(numbers)
def test_interquartile_mean_is_the_middle_half_of_four_copies_of_every_value(values):
    copies = sorted(value for value in values for _ in range(4))
    middle = copies[len(values) : 3 * len(values)]
    found = statistics.interquartile_means(np.array([values]))[0]
    assert found == pytest.approx(np.mean(middle), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-5, 5), min_size=1, max_size=9))
def test_sign_flips_are_counted_one_by_one(differences):
    sums = [
        sum(s * d for s, d in zip(signs, differences, strict=True))
        for signs in product((1, -1), repeat=len(differences))
    ]
    seen = sum(differences)
    greater = sum(total >= seen for total in sums) / len(sums)
    less = sum(total <= seen for total in sums) / len(sums)
    assert statistics.sign_flip_p(differences, "greater") == pytest.approx(greater)
    assert statistics.sign_flip_p(differences, "less") == pytest.approx(less)
    if len(differences) > 1:
        assert statistics.sign_flip_p(differences) == pytest.approx(min(1, 2 * min(greater, less)))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=2, max_size=15).filter(any))
def test_sign_flips_are_those_of_scipy(differences):
    d = (np.array(differences),)
    for alternative in ("greater", "less", "two-sided"):
        found = stats.permutation_test(
            d, np.mean, permutation_type="samples", vectorized=True, alternative=alternative,
            rng=koubai.core.random.generator(0, "sign flips", len(differences)),
        )  # fmt: skip
        assert statistics.sign_flip_p(differences, alternative) == pytest.approx(found.pvalue)


def test_differences_that_are_not_finite_have_no_p():
    for bad in (np.nan, np.inf):
        assert np.isnan(statistics.sign_flip_p([0.1, bad, 0.2]))


@pytest.mark.parametrize("n", [5, 6, 8, 20])
def test_bootstrap_intervals_are_those_of_scipy(n):
    for values in (
        np.random.default_rng(n).normal(size=n),
        np.random.default_rng(n).exponential(size=n) ** 3,
    ):
        found = statistics.mean_interval(list(values))
        t = stats.t.ppf(0.975, n - 1)
        theirs = stats.bootstrap(
            (values,), np.mean, confidence_level=1 - 2 * stats.norm.sf(np.sqrt(n / (n - 1)) * t),
            rng=koubai.core.random.generator(0, "bootstrap", n),
        ).confidence_interval  # fmt: skip
        # SciPy leaves to rounding where a resample of the same mean falls; of 20 values none is such.
        close = {"rel": 1e-9} if n == 20 else {"abs": 0.02 * (theirs.high - theirs.low)}
        assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), **close)
        assert found.method == "bca"


def test_five_agreeing_seeds_give_one_in_thirty_two():
    assert statistics.sign_flip_p([0.1, 0.2, 0.3, 0.1, 0.2], "greater") == 1 / 32
    assert statistics.sign_flip_p([0.0] * 5) == 1.0
    assert statistics.sign_flip_p([]) == 1.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_what_the_step_down_procedure_rejects(p):
    adjusted = statistics.holm(p)
    for alpha in (0.01, 0.05, 0.2):
        rejected, remaining = set(), sorted(range(len(p)), key=lambda i: p[i])
        while remaining and p[remaining[0]] * len(remaining) <= alpha:
            rejected.add(remaining.pop(0))
        assert {i for i, a in enumerate(adjusted) if a <= alpha} == rejected


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (3, 10), (10, 10), (1, 1), (37, 60)])
def test_clopper_pearson_ends_where_the_binomial_tails_are_a_fortieth(successes, n):
    found = statistics.share_interval(successes, n)

    def at_least(k, p):
        return sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))

    assert found.low == 0.0 if successes == 0 else at_least(successes, found.low) == pytest.approx(0.025)
    assert (
        found.high == 1.0
        if successes == n
        else 1 - at_least(successes + 1, found.high) == pytest.approx(0.025)
    )
    assert statistics.share_interval(0, 0) == statistics.Interval(0.0, 1.0, "clopper-pearson")


def test_intervals_of_few_or_equal_values_say_what_they_are():
    assert statistics.mean_interval([0.5]) is None
    assert statistics.mean_interval([]) is None
    assert statistics.mean_interval([0.1135] * 5) == statistics.Interval(0.1135, 0.1135, "point")
    two = statistics.mean_interval([0.0, 1.0])
    assert two.method == "t"
    assert two.low == pytest.approx(0.5 - 12.7062 * 0.5, abs=1e-3)  # t(.975, 1) = 12.7062, sd / sqrt(2) = .5
    assert statistics.mean_interval([0.1, 0.2, 0.3, 0.4]).method == "t"
    assert statistics.mean_interval([0.1, 0.2, 0.3, 0.4, 0.5]).method == "bca"
    nearly = statistics.mean_interval([0.5, 0.5, 0.5, 0.5, 0.6])
    assert nearly.low <= 0.52 <= nearly.high


def test_an_interval_is_the_same_every_time():
    values = list(np.random.default_rng(3).normal(size=8))
    assert statistics.mean_interval(values) == statistics.mean_interval(values)


@pytest.mark.parametrize(("n", "promised"), [(3, 0.95), (5, 0.92), (8, 0.94)])
def test_intervals_cover_the_true_mean_about_as_often_as_they_say(n, promised):
    draw = np.random.default_rng(n)
    covered = sum(0.0 in statistics.mean_interval(list(draw.normal(size=n))) for _ in range(200))
    assert abs(covered / 200 - promised) < 3 * (promised * (1 - promised) / 200) ** 0.5


@pytest.mark.parametrize("effect", [0.6, 1.0])
def test_the_seeds_asked_for_settle_it_four_times_of_five(effect):
    n = int(statistics.seeds_needed(effect, 1.0))
    draw = np.random.default_rng(7)
    power = np.mean(
        [statistics.sign_flip_p(draw.normal(effect, 1, n), "greater") <= 0.05 for _ in range(150)]
    )
    assert 0.68 <= power <= 0.95


def test_no_fewer_seeds_than_the_exact_test_needs():
    for family in (1, 2, 6):
        n = int(statistics.seeds_needed(100.0, 0.1, family=family))
        assert 2.0**-n <= 0.05 / family < 2.0 ** -(n - 1)
    assert statistics.seeds_needed(0.0, 1.0) == float("inf")
    assert statistics.seeds_needed(0.0, 0.0) == float("inf")


@pytest.mark.parametrize("n", [1, 2, 4, 5, 8, 10, 17])
def test_many_rows_at_once_say_to_the_last_bit_what_one_row_says(n):
    draw = np.random.default_rng(n)
    rows = np.concatenate([draw.normal(size=(70, n)), draw.integers(0, 3, (20, n)) / 7, np.full((1, n), 0.1)])
    several = zip(
        rows.tolist(),
        statistics.means(rows).tolist(),
        statistics.sds(rows).tolist(),
        statistics.interquartile_means(rows).tolist(),
        statistics.mean_intervals(rows),
        strict=True,
    )
    for row, *found in several:
        assert found == [
            statistics.mean(row),
            statistics.sd(row),
            statistics.interquartile_means(np.array([row]))[0],
            statistics.mean_interval(row),
        ]


def test_ends_of_an_interval_are_the_quantiles_of_numpy():
    rows = np.sort(np.random.default_rng(0).normal(size=(20, 101)), axis=1)
    shares = np.random.default_rng(1).uniform(size=(20, 2))
    shares[0] = 0, 1
    found = statistics._quantiles(rows, shares)
    assert found.tolist() == [np.quantile(row, at).tolist() for row, at in zip(rows, shares, strict=True)]
