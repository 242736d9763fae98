"""Checkups against computations of another kind: finite differences, a plain loop, the definition."""

import numpy as np
import pytest

from koubai.doctor.patient.checkup import distinct_rows
from koubai.doctor.patient.examine import examine
from koubai.doctor.patient.gradient_check import gradient_errors
from koubai.layers.activations import Tanh
from koubai.layers.batch_norm import BatchNorm
from koubai.layers.convolution import Conv2d
from koubai.layers.dropout import Dropout
from koubai.layers.flatten import Flatten
from koubai.layers.linear import Linear
from koubai.layers.rectifiers import ReLU
from koubai.layers.sequential import Sequential
from koubai.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from koubai.network.network import Network
from koubai.penalties.p_norm import L2
from support.patients import WrongSigmoid, digits

LOSS = SoftmaxCrossEntropy()


@pytest.fixture(scope="module")
def images():
    dataset = digits().data.load()
    return dataset.x_train[:60].astype(np.float64), dataset.t_train[:60]


def look(layers, images, **settings):
    network = Network(Sequential(*layers), (1, 8, 8))
    weights = network.initialize(0, "float64")
    return network, weights, examine(network, weights, LOSS, *images, **settings)


def test_units_are_channels_and_their_numbers_are_those_of_a_loop(images):
    _, weights, found = look([Conv2d(3, 3), ReLU(), Flatten(), Linear(10)], images)
    x = images[0]
    y = np.zeros((60, 3, 6, 6))
    for i in range(6):
        for j in range(6):
            window = x[:, :, i : i + 3, j : j + 3].reshape(60, -1)
            y[:, :, i, j] = window @ weights.params["0.weight"].reshape(3, -1).T
    y = np.maximum(y, 0)
    check = found.layers["1"]
    for c in range(3):
        assert check.mean[c] == pytest.approx(y[:, c].mean())
        assert check.std[c] == pytest.approx(y[:, c].std())
        assert check.active[c] == pytest.approx((y[:, c] > 0).mean())
        assert check.alive[c] == pytest.approx(np.mean([(y[n, c] > 0).any() for n in range(60)]))
    assert check.max_abs == pytest.approx(y.max())


def test_gradients_are_slopes_of_the_data_loss(images):
    network, weights, found = look([Flatten(), Linear(4), Tanh(), Linear(10)], images, penalties=(L2(0.1),))

    def value(params):
        moved = weights.copy()
        moved.params["1.weight"] = params
        return LOSS.value(network.bind(moved).forward(images[0]), images[1])

    w, slopes = weights.params["1.weight"], []
    for index in np.ndindex(w.shape):
        step = np.zeros_like(w)
        step[index] = 1e-6
        slopes.append((value(w + step) - value(w - step)) / 2e-6)
    check = found.params["1.weight"]
    assert check.gradient_norm == pytest.approx(np.linalg.norm(slopes), rel=1e-5)
    assert check.penalty_gradient_norm == pytest.approx(0.1 * np.linalg.norm(w))
    assert found.params["1.bias"].penalty_gradient_norm == 0


def test_the_slope_of_an_activation_is_its_share_of_the_steepest(images):
    _, weights, found = look([Flatten(), Linear(4), Tanh(), Linear(10)], images)
    u = images[0].reshape(60, -1) @ weights.params["1.weight"]
    assert found.layers["2"].slope == pytest.approx((1 / np.cosh(u) ** 2).mean(axis=0))
    assert found.layers["1"].slope is None


def test_looking_changes_nothing_and_leaves_out_the_noise_of_dropout(images):
    layers = [Flatten(), Linear(6), BatchNorm(), ReLU(), Dropout(0.5), Linear(10)]
    network = Network(Sequential(*layers), (1, 8, 8))
    weights = network.initialize(0, "float64")
    before = weights.copy()
    found = examine(network, weights, LOSS, *images)
    for kind in ("params", "buffers"):
        for path, array in getattr(before, kind).items():
            assert np.array_equal(getattr(weights, kind)[path], array)
    assert np.array_equal(found.layers["4"].mean, found.layers["3"].mean)


def test_the_gap_of_the_modes_is_that_of_batch_norm(images):
    _, _, plain = look([Flatten(), Linear(6), ReLU(), Linear(10)], images)
    _, _, normed = look([Flatten(), Linear(6), BatchNorm(), ReLU(), Linear(10)], images)
    assert plain.mode_gap == 0
    assert normed.mode_gap != 0


def test_overflow_is_counted_not_raised(images):
    network = Network(Sequential(Flatten(), Linear(4), ReLU(), Linear(10)), (1, 8, 8))
    weights = network.initialize(0, "float32")
    weights.params["1.weight"][:] = 1e38
    found = examine(network, weights, LOSS, images[0].astype(np.float32), images[1])
    assert found.layers["1"].nonfinite == 60 * 4
    assert not np.isfinite(found.loss)


@pytest.mark.parametrize(
    ("rows", "count"),
    [
        (np.zeros((5, 3)), 1),
        (np.ones((5, 3)), 1),
        (np.eye(4), 4),
        (np.array([[1.0, 2], [1 + 1e-9, 2], [2, 4]]), 2),
        (np.array([[np.nan, 1], [1, 1]]), 2),
        (np.zeros((0, 3)), 0),
    ],
)
def test_rows_are_counted_once_if_they_are_equal(rows, count):
    assert distinct_rows(rows) == count


def test_the_gradient_check_finds_the_wrong_layer_and_forgives_kinks():
    dataset = digits().data.load()
    x, t = dataset.x_train[:16], dataset.t_train[:16]

    def errors(*layers):
        return gradient_errors(Network(Sequential(Flatten(), *layers), (1, 8, 8)), LOSS, x, t, 0)

    right = errors(Linear(8), ReLU(), Linear(8), Tanh(), Linear(10))
    assert max(right.values()) < 1e-4
    wrong = errors(Linear(8), ReLU(), Linear(8), WrongSigmoid(), Linear(10))
    assert wrong["5.weight"] < 1e-4
    assert wrong["3.weight"] > 0.5
    assert wrong["1.weight"] > 0.5
