import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits, make_blobs, make_circles, make_moons
from sklearn.linear_model import LinearRegression, LogisticRegression

from koubai.core.errors import KoubaiError
from koubai.data import Blobs, Circles, Digits, Moons, MultiLabel, Regression, Waveforms, Xor
from koubai.data.sources import digits
from koubai.data.sources.waveforms import wave

SKLEARN = {
    "circles": (Circles(), make_circles(1000, noise=0.1, random_state=1)),
    "blobs": (Blobs(), make_blobs(1000, centers=3, n_features=2, cluster_std=2, random_state=2)),
    "moons": (Moons(), make_moons(1000, noise=0.1, random_state=1)),
}


@pytest.mark.parametrize(("source", "expected"), SKLEARN.values(), ids=SKLEARN)
def test_toys_are_those_of_scikit_learn_cut_700_to_300(source, expected):
    x, t = expected
    dataset = source.load()
    np.testing.assert_array_equal(dataset.x_train, x[:700].astype(np.float32))
    np.testing.assert_array_equal(dataset.x_test, x[700:].astype(np.float32))
    np.testing.assert_array_equal(dataset.t_train, t[:700])
    np.testing.assert_array_equal(dataset.t_test, t[700:])


def test_the_settings_of_the_toys_reach_scikit_learn():
    dataset = Blobs(n=50, centers=5, features=7, cluster_std=0.1, random_state=3, test_share=0.5).load()
    x, _ = make_blobs(50, centers=5, n_features=7, cluster_std=0.1, random_state=3)
    np.testing.assert_array_equal(dataset.x_train, x[:25].astype(np.float32))
    assert dataset.classes == 5
    x, _ = make_circles(20, noise=0.2, factor=0.3, random_state=4)
    drawn = Circles(n=20, noise=0.2, factor=0.3, random_state=4).load()
    np.testing.assert_array_equal(drawn.x_train, x[:14].astype(np.float32))
    x, _ = make_moons(20, noise=0.2, random_state=4)
    np.testing.assert_array_equal(Moons(20, 0.2, 4).load().x_test, x[14:].astype(np.float32))


def test_digits_are_read_without_scikit_learn_and_are_its_own(monkeypatch):
    theirs = load_digits()
    monkeypatch.delitem(sys.modules, "sklearn")
    table = digits._table()
    assert "sklearn" not in sys.modules
    np.testing.assert_array_equal(table[:, :-1], theirs.data)
    np.testing.assert_array_equal(table[:, -1], theirs.target)
    monkeypatch.setattr(digits, "_FILE", "moved.csv.gz")
    np.testing.assert_array_equal(digits._table(), table)


def test_digits_are_all_there_once_in_both_parts_together():
    dataset = Digits().load()
    stored = load_digits()
    assert (len(dataset.x_train), len(dataset.x_test)) == (1200, 597)
    ours = np.concatenate([dataset.x_train, dataset.x_test]).reshape(1797, 64) * 16
    labels = np.concatenate([dataset.t_train, dataset.t_test])
    table = sorted(map(tuple, np.column_stack([ours, labels]).tolist()))
    assert table == sorted(map(tuple, np.column_stack([stored.data, stored.target]).tolist()))
    assert dataset.x_train.max() == 1.0
    assert (Digits(split_seed=1).load().t_train != dataset.t_train).any()


def test_xor_is_the_truth_table():
    dataset = Xor().load()
    assert dataset.x_train.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert dataset.t_train.tolist() == [0, 1, 1, 0]
    np.testing.assert_array_equal(dataset.x_test, dataset.x_train)
    noisy = Xor(n=4000, noise=0.1).load()
    assert noisy.x_train[:, 0].std() == pytest.approx(np.sqrt(0.25 + 0.01), rel=0.02)
    assert (np.round(noisy.x_train).sum(axis=1) % 2 == noisy.t_train).mean() > 0.999
    assert (noisy.x_train != noisy.x_test).all()
    linear = LogisticRegression().fit(noisy.x_train, noisy.t_train)
    assert linear.score(noisy.x_train, noisy.t_train) < 0.6, "no single layer solves it"


def test_waves_have_their_names_shapes():
    turn = np.linspace(0, 2, 2001)
    sine, square, triangle, sawtooth = (wave(np.array([k]), turn) for k in range(4))
    np.testing.assert_allclose(sine, np.sin(2 * np.pi * turn), atol=1e-9)
    inside = np.abs(np.sin(2 * np.pi * turn)) > 1e-6
    np.testing.assert_array_equal(square[inside], np.sign(sine[inside]))
    np.testing.assert_allclose(triangle, 2 / np.pi * np.arcsin(np.sin(2 * np.pi * turn)), atol=1e-6)
    smooth = np.abs(np.cos(np.pi * turn)) > 1e-6
    np.testing.assert_allclose(
        sawtooth[smooth], (2 / np.pi * np.arctan(np.tan(np.pi * turn)))[smooth], atol=1e-6
    )


def test_waveforms_differ_by_shape_and_not_by_any_single_value():
    dataset = Waveforms(noise=0).load()
    assert dataset.x_train.shape == (700, 1, 64)
    assert np.bincount(dataset.t_train).tolist() == [175] * 4
    assert np.abs(dataset.x_train).max() <= 1.5
    squares = dataset.x_train[dataset.t_train == 1, 0]
    assert all(len(np.unique(np.abs(signal))) == 1 for signal in squares)
    linear = LogisticRegression(max_iter=300).fit(dataset.x_train[:, 0], dataset.t_train)
    assert linear.score(dataset.x_test[:, 0], dataset.t_test) < 0.5, "a linear map is near chance (.25)"


def test_regression_is_a_line_with_the_noise_and_ranges_asked_for():
    source = Regression(n=4000, inputs=3, outputs=2, low=0, high=100, offset=5, noise=0.2)
    dataset = source.load()
    assert dataset.classes is None
    assert dataset.t_train.shape == (2800, 2)
    assert dataset.t_train.dtype == np.float32
    assert 0 <= dataset.x_train.min() < 1
    assert 99 < dataset.x_train.max() <= 100
    fit = LinearRegression().fit(dataset.x_train, dataset.t_train)
    residual = dataset.t_test - fit.predict(dataset.x_test)
    assert residual.std() == pytest.approx(0.2, rel=0.05)
    np.testing.assert_allclose(fit.predict([[50, 50, 50]]), [[5, 5]], atol=0.05)


def test_regression_has_targets_of_the_size_and_mean_asked_for():
    plain, prices = (Regression(**more).load().t_train for more in ({}, {"offset": 2e5, "size": 8e4}))
    np.testing.assert_allclose((prices - 2e5) / 8e4, plain, atol=1e-5)


def test_regression_has_half_of_its_targets_negative_by_default_and_can_bend():
    dataset = Regression(n=2000).load()
    assert 0.45 < (dataset.t_train < 0).mean() < 0.55
    bent = Regression(n=2000, curve="sine", noise=0).load()
    assert np.abs(bent.t_train).max() <= 1
    fit = LinearRegression().fit(bent.x_train, bent.t_train)
    assert (
        fit.score(bent.x_test, bent.t_test)
        < 0.7
        < LinearRegression().fit(dataset.x_train, dataset.t_train).score(dataset.x_test, dataset.t_test)
    )


def test_multi_label_has_labels_that_are_on_together_and_a_linear_map_finds_each():
    dataset = MultiLabel(n=4000).load()
    assert set(np.unique(dataset.t_train)) == {0.0, 1.0}
    assert np.abs(dataset.t_train.mean(axis=0) - 0.5).max() < 0.05
    assert len(np.unique(dataset.t_train, axis=0)) == 8, "every combination of three labels"
    for k in range(3):
        linear = LogisticRegression().fit(dataset.x_train, dataset.t_train[:, k])
        assert 0.9 < linear.score(dataset.x_test, dataset.t_test[:, k]) < 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: Circles(n=1),
        lambda: Circles(noise=-1),
        lambda: Circles(factor=1),
        lambda: Moons(test_share=1),
        lambda: Moons(noise=float("inf")),
        lambda: Moons(random_state=-1),
        lambda: Circles(random_state=1 << 32),
        lambda: Blobs(random_state=1 << 32),
        lambda: Blobs(n=2),
        lambda: Xor(n=3),
        lambda: Waveforms(length=3),
        lambda: Regression(low=1, high=1),
        lambda: Regression(curve="lime"),
        lambda: MultiLabel(labels=0),
    ],
)
def test_settings_out_of_range_are_errors_of_ours(make):
    with pytest.raises(KoubaiError):
        make()
