import numpy as np
import pytest

from koubai.data import Dataset, describe, digits, regression
from koubai.data import statistics as module


@pytest.fixture
def blocks_of_seven(monkeypatch):
    """Many small blocks, so that joining them is what is tested."""
    monkeypatch.setattr(module, "_ROWS", 7)


def made(x: np.ndarray, t: np.ndarray | None = None, classes: int | None = 3) -> Dataset:
    t = np.arange(len(x)) % 3 if t is None else t
    return Dataset("made", x, t, x[:2], t[:2], classes=classes)


@pytest.mark.usefixtures("blocks_of_seven")
@pytest.mark.parametrize("offset", [0, 1e6])
def test_statistics_are_those_of_numpy_in_float64(offset):
    x = (np.random.default_rng(0).normal(size=(100, 2, 3)) + offset).astype(np.float32)
    numbers = describe(made(x)).train
    wide = x.astype(np.float64)
    assert (numbers.count, numbers.minimum, numbers.maximum) == (100, x.min(), x.max())
    assert numbers.mean == pytest.approx(wide.mean(), rel=1e-12)
    assert numbers.std == pytest.approx(wide.std(), rel=1e-9)
    np.testing.assert_allclose(numbers.feature_mean, wide.mean(axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(numbers.feature_std, wide.std(axis=0), rtol=1e-9)
    assert numbers.nonfinite == 0
    assert numbers.constant_features == 0


@pytest.mark.usefixtures("blocks_of_seven")
def test_values_that_are_not_finite_are_counted_and_left_out():
    x = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    x[0, 0], x[20, 1], x[:, 3] = np.nan, np.inf, np.nan
    numbers = describe(made(x)).train
    masked = np.ma.masked_invalid(x.astype(np.float64))
    assert numbers.nonfinite == 52
    assert numbers.mean == pytest.approx(masked.mean())
    assert numbers.std == pytest.approx(masked.std())
    assert numbers.maximum == masked.max()
    np.testing.assert_allclose(numbers.feature_std[:3], masked.std(axis=0)[:3])


@pytest.mark.usefixtures("blocks_of_seven")
def test_a_constant_feature_has_a_deviation_of_exactly_zero():
    x = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    x[:, 1] = 0.1
    numbers = describe(made(x)).train
    assert numbers.feature_std[1] == 0
    assert numbers.constant_features == 1


def test_classes_are_counted_in_every_part():
    numbers = describe(made(np.zeros((7, 1), np.float32), np.array([0, 0, 0, 0, 0, 2, 2])))
    assert numbers.train.class_counts == (5, 0, 2)
    assert numbers.train.class_ratio == float("inf")
    assert numbers.test is not None
    assert numbers.test.class_counts == (2, 0, 0)
    assert numbers.val is None
    assert describe(digits().load()).train.class_ratio == pytest.approx(127 / 104, rel=0.2)


def test_values_have_mean_and_deviation_instead():
    dataset = regression(outputs=2).load()
    numbers = describe(dataset).train
    assert numbers.class_counts is None
    assert numbers.class_ratio is None
    assert numbers.target_mean is not None
    np.testing.assert_allclose(numbers.target_mean, dataset.t_train.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(numbers.target_std, dataset.t_train.std(axis=0), rtol=1e-5)


def test_the_text_says_what_a_learner_should_see():
    x = np.zeros((4, 1, 2), np.float32)
    x[:, 0, 1] = [1, 2, 3, np.nan]
    dataset = made(x, np.array([0, 1, 1, 1]), classes=2)
    english, japanese = describe(dataset).text("en"), describe(dataset).text("ja")
    for text in (english, japanese):
        assert "1 x 2" in text
        assert "0: 1, 1: 3" in text
        assert dataset.sha256 in text
        assert len(text.splitlines()) == 9
    assert "training: 4 samples, inputs 0 to 3" in english
    assert "NaN or infinite: 1" in english
    assert "訓練: サンプル 4 個" in japanese
