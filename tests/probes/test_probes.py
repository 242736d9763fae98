"""Every probe against a second computation: the formula's own derivative, np.linalg, finite sums."""

import numpy as np
import pytest

from koubai.core.taps import taken
from koubai.data import Digits
from koubai.initializers import Normal
from koubai.layers import Flatten, Linear, ReLU, Sequential, Sigmoid, Tanh
from koubai.optim import SGD
from koubai.probes import PROBES
from koubai.probes.record import default_probes
from koubai.train import Observation, Recipe, Session

LAYERS = Sequential(Flatten(), Linear(12), Sigmoid(), Linear(9), Tanh(), Linear(8), ReLU(), Linear(10))
LEAVES = [str(i) for i in range(8)]


class Watched:
    """One update of a small network, done twice: tapped by the session, and by hand with bare cells."""

    def __init__(self):
        recipe = Recipe(
            LAYERS,
            Digits(),
            optimizer=SGD(0.5),
            initializer=Normal(0.3),
            batch_size=16,
            dtype="float64",
            seed=3,
        )
        self.session = Session(recipe, engine="reference", observation=Observation(tap_every=1))
        start = self.session.state()
        self.session.advance(1)
        self.before, self.after = start.weights.params, self.session.state().weights.params
        root = self.session.network.bind(start.weights, training=True)
        batch = self.session.sampler.batches(0, 1)[0]
        x, t = self.session.program.job.x[batch], self.session.program.job.t[batch]
        self.u, self.y, self.dy, self.dw = {}, {}, {}, {}
        for path, cell in root.children.items():
            self.u[path] = x
            x = self.y[path] = cell.layer.forward(cell, x)
        dy = recipe.loss.gradient(x, t)
        for path, cell in reversed(root.children.items()):
            self.dy[path] = dy
            dy = cell.layer.backward(cell, dy)
            self.dw.update({f"{path}.{name}": g for name, g in cell.grads.items()})

    def recorded(self, quantity):
        return {
            path: self.session.history.last(quantity, path) for path in self.session.history.paths(quantity)
        }


@pytest.fixture(scope="module")
def watched():
    return Watched()


def ratio(watched, path):
    before, after = watched.before[path], watched.after[path]
    return np.sqrt(np.mean((after - before) ** 2)) / np.sqrt(np.mean(before**2))


def slope(watched, path):
    layer = LAYERS[int(path)]
    return 1 - layer.derivative(watched.u[path], watched.y[path]).mean() / layer.max_derivative


WEIGHTS = ["1.weight", "1.bias", "3.weight", "3.bias", "5.weight", "5.bias", "7.weight", "7.bias"]
TWINS = {
    "activation_mean": (LEAVES, lambda w, p: np.average(w.y[p].ravel())),
    "activation_std": (LEAVES, lambda w, p: np.linalg.norm(w.y[p] - w.y[p].mean()) / w.y[p].size ** 0.5),
    "zero_share": (LEAVES, lambda w, p: 1 - np.count_nonzero(w.y[p]) / w.y[p].size),
    "saturation": (["2", "4", "6"], slope),
    "activation_nonfinite": (LEAVES, lambda w, p: 0),
    "activation_gradient_norm": (LEAVES[1:], lambda w, p: np.linalg.norm(w.dy[p].ravel())),
    "activation_gradient_mean_abs": (
        LEAVES[1:],
        lambda w, p: np.linalg.norm(w.dy[p].ravel(), 1) / w.dy[p].size,
    ),
    "activation_gradient_rms": (LEAVES[1:], lambda w, p: np.mean(w.dy[p] ** 2) ** 0.5),
    "activation_gradient_nonfinite": (LEAVES[1:], lambda w, p: 0),
    "gradient_norm": (WEIGHTS, lambda w, p: np.linalg.norm(w.dw[p].ravel())),
    "gradient_mean_abs": (WEIGHTS, lambda w, p: np.linalg.norm(w.dw[p].ravel(), 1) / w.dw[p].size),
    "gradient_nonfinite": (WEIGHTS, lambda w, p: 0),
    "weight_norm": (WEIGHTS, lambda w, p: np.linalg.norm(w.before[p].ravel())),
    "weight_nonfinite": (WEIGHTS, lambda w, p: 0),
    "update_ratio": (WEIGHTS[::2], ratio),  # the biases start at 0, and there is no ratio to 0
}


def test_every_registered_probe_has_a_twin():
    assert set(TWINS) == set(PROBES)
    assert [probe.registry_name for probe in default_probes()] == sorted(TWINS)


@pytest.mark.parametrize("quantity", TWINS)
def test_a_probe_agrees_with_its_twin(watched, quantity):
    paths, twin = TWINS[quantity]
    recorded = watched.recorded(quantity)
    assert list(recorded) == paths
    for path, value in recorded.items():
        assert value == pytest.approx(twin(watched, path), rel=1e-9, abs=1e-13), (quantity, path)


def test_nonfinite_values_are_counted_and_break_no_probe():
    bad = np.array([[1.0, np.nan, 0.0], [np.inf, -np.inf, 2.0]])
    with np.errstate(invalid="ignore"):
        sums = {
            role: taken(bad, role)
            for role in ("activation", "activation_gradient", "weight", "weight_gradient", "update")
        }
    for probe in default_probes():
        for layer in (None, Sigmoid(), Tanh(), ReLU()):
            value = probe.measure(sums, layer)
            if probe.registry_name.endswith("nonfinite"):
                assert value == 3
    assert PROBES["zero_share"]().measure(sums, None) == pytest.approx(1 / 6)


def test_a_row_for_each_unit_counts_sums_and_squares(watched):
    for path in LEAVES[1:]:
        rows, y = watched.session.history.vectors[1, path, "units"], watched.y[path]
        expected = [[np.count_nonzero(unit), np.sum(unit), np.dot(unit, unit)] for unit in y.T]
        np.testing.assert_allclose(rows, expected, rtol=1e-9, atol=1e-12)


def test_watching_does_not_change_the_weights(watched):
    blind = Session(watched.session.recipe, engine="reference")
    blind.advance(1)
    for path, w in blind.state().weights.params.items():
        assert np.array_equal(w, watched.after[path])
    assert blind.history.quantities() == ["loss"]
