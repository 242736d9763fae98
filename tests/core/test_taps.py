import numpy as np

from koubai.core.taps import Magnitudes, Moments, Squares, magnitudes, moments, squares, taken


def test_the_sums_worked_by_hand():
    m = moments(np.array([[1.0, -3.0], [0.0, 4.0]], np.float32))
    assert (m.count, m.total, m.total_square, m.zeros) == (4, 2, 26, 1)
    assert (m.mean, m.zero_share, m.nonfinite) == (0.5, 0.25, 0)
    assert m.norm == np.sqrt(26)
    assert np.isclose(m.std, np.std([1, -3, 0, 4]))
    assert m.units is None


def test_units_are_features_or_channels():
    x = np.random.default_rng(0).normal(size=(4, 3, 2, 2))
    x[:, 1] = 0
    rows = moments(x, units=True).units
    assert rows.shape == (3, 3)
    assert rows[:, 0].tolist() == [16, 0, 16]
    np.testing.assert_allclose(rows[:, 1], x.sum(axis=(0, 2, 3)))
    np.testing.assert_allclose(rows[:, 2], (x**2).sum(axis=(0, 2, 3)))


def test_what_is_not_finite_is_counted():
    m = moments(np.array([np.nan, np.inf, 1.0]))
    assert m.nonfinite == 2
    assert np.isnan(m.mean)


def test_nothing_has_moments_of_zero():
    m = moments(np.zeros((0, 3)), units=True)
    assert (m.count, m.mean, m.std, m.norm, m.zero_share) == (0, 0, 0, 0, 0)


def test_large_float32_values_do_not_overflow():
    assert np.isfinite(moments(np.full(10, 1e30, np.float32)).norm)


def test_of_each_role_is_taken_what_its_probes_read():
    x = np.array([[1.0, -3.0], [0.0, 4.0]], np.float32)
    m = magnitudes(x)
    assert (m.count, m.total_abs, m.mean_abs, m.total_square, m.nonfinite) == (4, 8, 2, 26, 0)
    assert squares(x) == Squares(count=4, total_square=26, nonfinite=0)
    assert type(taken(x, "activation", units=True)) is Moments
    assert taken(x, "activation", units=True).units.shape == (2, 3)
    assert [type(taken(x, role)) for role in ("weight_gradient", "activation_gradient")] == [Magnitudes] * 2
    assert [type(taken(x, role)) for role in ("weight", "update")] == [Squares] * 2
