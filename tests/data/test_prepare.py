import numpy as np
import pytest

from koubai.core.errors import DataError, UnknownName
from koubai.data.prepare import (
    Raw,
    keep_classes,
    scaled_inputs,
    scaled_targets,
    split,
    take_samples,
    with_label_noise,
)


def raw(n: int = 40, test: int = 20, classes: int | None = 4, top: float | None = 255) -> Raw:
    """Sample i of a part holds the numbers 3 i + part, so that every sample can be told from its values."""
    x = np.arange(n, dtype=np.uint8)[:, None] * np.ones((1, 3), np.uint8)
    x_test = 100 + np.arange(test, dtype=np.uint8)[:, None] * np.ones((1, 3), np.uint8)
    return Raw(
        x, np.arange(n) % 4, x_test, np.arange(test) % 4, classes=classes, class_names=tuple("abcd"), top=top
    )


def test_classes_are_kept_with_their_samples_and_numbered_in_the_order_asked_for():
    chosen = keep_classes(raw(), (3, 1), "here")
    for x, t, first in ((chosen.x_train, chosen.t_train, 0), (chosen.x_test, chosen.t_test, 100)):
        old = (x[:, 0].astype(int) - first) % 4
        assert set(old) == {1, 3}
        np.testing.assert_array_equal(t, np.where(old == 3, 0, 1))
    assert len(chosen.x_train) == 20
    assert chosen.classes == 2
    assert chosen.class_names == ("d", "b")


@pytest.mark.parametrize("wanted", [(4,), (-1,), (), (1, 1)])
def test_classes_that_are_not_there_are_an_error(wanted):
    with pytest.raises(DataError, match=r"(?s)no such choice.*0 \.\. 3"):
        keep_classes(raw(), wanted, "here")
    with pytest.raises(DataError, match="targets are classes"):
        keep_classes(raw(classes=None), (0,), "here")


def test_validation_comes_from_the_end_and_train_and_test_from_the_beginning():
    cut = take_samples(raw(), train=10, test=5, validation=7, where="here")
    assert cut.x_train[:, 0].tolist() == list(range(10))
    assert cut.x_val[:, 0].tolist() == list(range(33, 40))
    assert cut.x_test[:, 0].tolist() == list(range(100, 105))
    for x, t in ((cut.x_train, cut.t_train), (cut.x_val, cut.t_val)):
        np.testing.assert_array_equal(t, x[:, 0] % 4)
    whole = take_samples(raw(), train=None, test=None, validation=0, where="here")
    assert (len(whole.x_train), len(whole.x_val), len(whole.x_test)) == (40, 0, 20)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"train": 34, "test": None, "validation": 7}, r"train: there are not so many(?s:.*)<= 33"),
        ({"train": None, "test": 21, "validation": 0}, r"test: there are not so many(?s:.*)<= 20"),
        ({"train": None, "test": None, "validation": 40}, "validation leaves no training"),
    ],
)
def test_more_samples_than_there_are_is_an_error(asked, sentence):
    with pytest.raises(DataError, match=sentence):
        take_samples(raw(), **asked, where="here")


@pytest.mark.parametrize("share", [0.25, 0.4, 1.0])
def test_label_noise_touches_its_share_of_the_training_labels_only(share):
    n, classes = 8000, 4
    clean = Raw(
        np.zeros((n, 1)), np.arange(n) % classes, np.zeros((9, 1)), np.arange(9) % classes, classes=classes
    )
    noisy = with_label_noise(clean, share, seed=3, where="here")
    wrong = (noisy.t_train != clean.t_train).mean()
    # Binomial: each of share * n drawn labels is wrong with probability 3/4.
    spread = np.sqrt(share * n * 3 / 16) / n
    assert abs(wrong - share * 3 / 4) < 4 * spread
    np.testing.assert_array_equal(noisy.t_test, clean.t_test)
    assert set(noisy.t_train) == set(range(classes))
    again = with_label_noise(clean, share, seed=3, where="here")
    np.testing.assert_array_equal(noisy.t_train, again.t_train)
    other = with_label_noise(clean, share, seed=4, where="here")
    assert (other.t_train != noisy.t_train).any()


def test_label_noise_needs_classes():
    with pytest.raises(DataError, match="needs targets that are classes"):
        with_label_noise(raw(classes=None), 0.5, 0, "here")


def table(seed: int = 0) -> Raw:
    rng = np.random.default_rng(seed)
    x = rng.normal((3, -50, 0), (1, 20, 0), (500, 3))
    return Raw(x, np.zeros((500, 1)), rng.normal(0, 9, (7, 3)), np.zeros((7, 1)))


def test_standard_is_by_feature_from_the_training_part_alone():
    source = table()
    y = scaled_inputs(source, "standard")
    np.testing.assert_allclose(y["x_train"].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(y["x_train"].std(axis=0), [1, 1, 0], atol=1e-6)
    by_hand = (source.x_test[:, :2] - source.x_train[:, :2].mean(0)) / source.x_train[:, :2].std(0)
    np.testing.assert_allclose(y["x_test"][:, :2], by_hand, rtol=1e-5, atol=1e-5)


def test_standard_is_by_channel_for_pictures():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (50, 3, 4, 5), dtype=np.uint8)
    x[:, 2] = 7
    y = scaled_inputs(Raw(x, np.zeros(50, int), x[:2], np.zeros(2, int), top=255), "standard")["x_train"]
    assert y.dtype == np.float32
    for channel, std in enumerate((1, 1, 0)):
        assert y[:, channel].mean() == pytest.approx(0, abs=1e-5)
        assert y[:, channel].std() == pytest.approx(std, abs=1e-5)


def test_robust_is_standard_for_normal_numbers_and_limits_those_far_off():
    rng = np.random.default_rng(0)
    x = rng.normal((3, -50), (1, 20), (20000, 2))
    clean = Raw(x, np.zeros((20000, 1)), x[:5], np.zeros((5, 1)))
    np.testing.assert_allclose(
        scaled_inputs(clean, "robust")["x_train"],
        np.clip(scaled_inputs(clean, "standard")["x_train"], -5, 5),
        atol=0.15,
    )
    gaps = x.copy()
    gaps[::50] = -9999
    y = scaled_inputs(Raw(gaps, np.zeros((20000, 1)), x[:5], np.zeros((5, 1))), "robust")["x_train"]
    assert (y[::50] == -5).all()
    np.testing.assert_allclose(np.delete(y, np.s_[::50], axis=0).std(axis=0), 1, rtol=0.05)


def test_robust_divides_by_the_deviation_where_quartiles_are_equal():
    x = np.array([0, 0, 0, 0, 0, 0, 0, 0, 3, 1], np.uint8)[:, None]
    y = scaled_inputs(Raw(x, np.zeros(10, int), x, np.zeros(10, int), top=255), "robust")["x_train"]
    assert isinstance(y, np.ndarray), "limited numbers are no levels"
    np.testing.assert_allclose(y[:, 0], x[:, 0] / x.std(), rtol=1e-6)


@pytest.mark.parametrize("how", ["standard", "robust", "unit"])
def test_a_feature_of_equal_numbers_becomes_zero_not_its_rounding_error(how):
    x = np.full((1000, 2), 0.1)
    x[:, 1] = np.arange(1000)
    y = scaled_inputs(Raw(x, np.zeros(1000, int), x[:3], np.zeros(3, int)), how)
    assert np.abs(y["x_train"][:, 0]).max() == 0
    assert np.abs(y["x_test"][:, 0]).max() == 0


def test_large_numbers_in_float64_are_shifted_before_they_are_rounded():
    stamps = 1.7e9 + np.arange(100.0)[:, None]
    y = scaled_inputs(Raw(stamps, np.zeros(100, int), stamps, np.zeros(100, int)), "standard")["x_train"]
    np.testing.assert_allclose(y[:, 0], (np.arange(100) - 49.5) / np.arange(100).std(), rtol=1e-6)


def test_unit_and_bytes_divide_by_the_top_where_there_is_one():
    source = Raw(np.array([[0, 8, 16]]), np.array([0]), np.array([[4, 2, 1]]), np.array([0]), top=16)
    assert scaled_inputs(source, "unit")["x_train"].tolist() == [[0, 0.5, 1]]
    assert scaled_inputs(source, "unit")["x_test"].tolist() == [[0.25, 0.125, 0.0625]]
    assert scaled_inputs(source, "bytes")["x_train"].tolist() == [[0, 127.5, 255]]
    assert scaled_inputs(source, "raw")["x_train"].tolist() == [[0, 8, 16]]
    pixels = np.arange(256, dtype=np.uint8)[:, None]
    picture = Raw(pixels, np.zeros(256, int), pixels, np.zeros(256, int), top=255)
    np.testing.assert_array_equal(
        scaled_inputs(picture, "unit")["x_train"], pixels.astype(np.float32) / np.float32(255)
    )
    np.testing.assert_array_equal(scaled_inputs(picture, "bytes")["x_train"], pixels.astype(np.float32))


def test_unit_and_bytes_span_the_training_range_where_there_is_no_top():
    unit, pixels = scaled_inputs(table(), "unit"), scaled_inputs(table(), "bytes")
    np.testing.assert_allclose(unit["x_train"].min(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(unit["x_train"].max(axis=0), [1, 1, 0], atol=1e-6)
    np.testing.assert_allclose(pixels["x_train"][:, :2], 255 * unit["x_train"][:, :2], rtol=1e-5, atol=1e-4)


def priced(n: int = 50, test: int = 20) -> Raw:
    """Two outputs, one around 2e5 and one that is always .1."""
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(n + test, 3)), 2e5 + 8e4 * rng.normal(size=(n + test, 1))
    t = np.hstack([t, np.full_like(t, 0.1)]).astype(np.float32)
    return Raw(x[:n], t[:n], x[n:], t[n:])


def test_targets_are_standardized_by_the_training_part_alone():
    stored = priced()
    raw, units = scaled_targets(stored, "standard", "here")
    np.testing.assert_allclose(raw.t_train[:, 0].mean(), 0, atol=1e-6)
    np.testing.assert_allclose(raw.t_train[:, 0].std(), 1, rtol=1e-6)
    mean, std = stored.t_train[:, 0].mean(dtype=float), stored.t_train[:, 0].std(dtype=float)
    np.testing.assert_allclose(raw.t_test[:, 0], (stored.t_test[:, 0] - mean) / std, rtol=1e-5)
    assert raw.t_test[:, 0].mean() != pytest.approx(0, abs=1e-3)
    np.testing.assert_array_equal(raw.t_test[:, 1], 0)  # a constant output is only shifted
    for part in ("train", "test"):
        scaled_part, stored_part = getattr(raw, f"t_{part}"), getattr(stored, f"t_{part}")
        assert scaled_part.dtype == np.float32
        np.testing.assert_allclose(units.stored(scaled_part), stored_part, rtol=1e-6)
    assert raw.x_train is stored.x_train
    assert not len(raw.t_val)


def test_a_validation_part_gets_the_units_of_the_training_part():
    cut = take_samples(priced(), train=None, test=None, validation=15, where="here")
    raw, units = scaled_targets(cut, "standard", "here")
    np.testing.assert_allclose(raw.t_train[:, 0].mean(), 0, atol=1e-6)
    np.testing.assert_allclose(units.stored(raw.t_val), cut.t_val, rtol=1e-6)


def test_raw_targets_stay_what_they_are_and_classes_have_no_size():
    stored = priced()
    assert scaled_targets(stored, "raw", "here") == (stored, None)
    assert scaled_targets(raw(), "raw", "here")[1] is None
    with pytest.raises(DataError, match=r"(?s)needs targets that are values.*leave out target_scale"):
        scaled_targets(raw(), "standard", "here")


def test_predictions_come_back_in_the_units_that_were_stored():
    from koubai.data import Regression

    stored, scaled_ = (
        Regression(offset=2e5, size=8e4, target_scale=how).load() for how in ("raw", "standard")
    )
    np.testing.assert_allclose(scaled_.as_stored(scaled_.t_test), stored.t_test, rtol=1e-5)
    assert stored.as_stored(stored.t_test) is stored.t_test
    assert stored.sha256 != scaled_.sha256


def test_split_takes_the_test_part_from_the_end():
    x = np.arange(10)
    x_train, t_train, x_test, t_test = split(x, 2 * x, 0.3)
    assert (x_train.tolist(), x_test.tolist()) == (list(range(7)), [7, 8, 9])
    assert (t_train.tolist(), t_test.tolist()) == (list(range(0, 14, 2)), [14, 16, 18])


def test_a_wrong_setting_of_the_preparation_is_an_error():
    from koubai.data import Circles

    with pytest.raises(UnknownName, match="did you mean 'standard'"):
        Circles(scale="standart")
    with pytest.raises(UnknownName, match=r"(?s)unknown target scale.*did you mean 'standard'"):
        Circles(target_scale="standart")
    for wrong in ({"label_noise": 1.5}, {"train": 0}, {"test": -1}, {"validation": -1}):
        with pytest.raises(DataError, match=next(iter(wrong))):
            Circles(**wrong)
