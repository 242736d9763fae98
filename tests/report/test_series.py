import numpy as np
import pytest
from scipy import stats

from koubai.probes.history import History
from koubai.report.palette import style
from koubai.report.series import Curve, Profile, interval_of_mean, stack


def made(**numbers):
    history = History()
    for step, value in numbers.items():
        history.add(int(step[1:]), "", "loss", value)
    return history


def test_histories_of_different_steps_are_laid_side_by_side():
    steps, values = stack([made(s0=1.0, s20=3.0), made(s10=5.0), made()], "loss")
    assert steps.tolist() == [0, 10, 20]
    np.testing.assert_array_equal(values, [[1, np.nan, 3], [np.nan, 5, np.nan], [np.nan] * 3])
    assert stack([], "loss")[1].shape == (0, 0)


def test_the_interval_is_students_t_of_the_seeds_that_have_a_number():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(6, 3))
    values[2, 1] = np.nan
    values[1:, 2] = np.nan
    low, high = interval_of_mean(values)
    for column in (0, 1):
        known = values[np.isfinite(values[:, column]), column]
        expected = stats.t.interval(0.95, len(known) - 1, known.mean(), stats.sem(known))
        assert (low[column], high[column]) == pytest.approx(expected)
    assert np.isnan(low[2])


def test_a_mean_leaves_out_what_is_missing_and_is_missing_where_all_is():
    curve = Curve("a", "a", style(0), np.arange(3), np.array([[1, np.nan, np.nan], [3, 4, np.nan]]))
    np.testing.assert_array_equal(curve.mean, [2, 4, np.nan])
    assert curve.last == 4


def test_a_profile_is_the_median_over_seeds():
    profile = Profile("a", "a", style(0), ("1", "2"), np.array([[0.0, 1], [2, 5], [3, 3]]))
    assert profile.median.tolist() == [2, 3]
