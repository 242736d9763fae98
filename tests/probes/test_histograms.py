import numpy as np
import pytest

from koubai.initializers.normal import Normal
from koubai.layers import Linear, ReLU, Sequential, Sigmoid
from koubai.network import Network
from koubai.probes.histograms import activation_histograms, activations, histogram


@pytest.fixture
def network():
    return Network(Sequential(Linear(6), ReLU(), Linear(4), Sigmoid()), (5,), Normal(1.0))


def test_activations_are_those_of_the_formulas(network):
    weights = network.initialize(0, "float64")
    x = np.random.default_rng(0).normal(size=(30, 5))
    out = activations(network, weights, x)
    u = x @ weights.params["0.weight"] + weights.params["0.bias"]
    assert list(out) == ["0", "1", "2", "3"]
    np.testing.assert_allclose(out["1"], np.where(u > 0, u, 0))
    z = out["1"] @ weights.params["2.weight"] + weights.params["2.bias"]
    np.testing.assert_allclose(out["3"], 1 / (1 + np.exp(-z)))


def test_shares_sum_to_one_and_count_what_lies_in_each_bin(network):
    states = [network.initialize(0), network.initialize(1)]
    x = np.random.default_rng(0).normal(size=(200, 5)).astype(np.float32)
    found = activation_histograms(network, states, x, bins=7)
    outputs = [activations(network, weights, x) for weights in states]
    for path, counted in found.items():
        np.testing.assert_allclose(counted.shares.sum(axis=1), 1)
        for i, output in enumerate(outputs):
            values = output[path].astype(np.float64).ravel()
            inner = [
                ((values >= low) & (values < high)).mean()
                for low, high in zip(counted.edges[1:-2], counted.edges[2:-1], strict=True)
            ]
            np.testing.assert_allclose(counted.shares[i, 1:-1], inner)
            assert counted.zeros[i] == pytest.approx((values == 0).mean())
    assert found["1"].zeros[0] > 0.2
    assert found["0"].zeros[0] == 0


def test_one_outlier_does_not_squeeze_everything_into_one_bin():
    values = np.append(np.random.default_rng(0).normal(size=5000), 1e9)
    counted = histogram([values], 20)
    assert counted.edges[-1] < 10
    assert counted.shares[0].max() < 0.3
    assert counted.shares[0, -1] >= 1 / 5001


def test_constant_and_diverged_and_empty_tensors_have_a_histogram():
    constant = histogram([np.full(10, 3.0)], 5)
    assert constant.edges[0] < 3 < constant.edges[-1]
    assert constant.shares[0].max() == 1
    diverged = histogram([np.array([np.nan, np.inf, 1.0, 2.0])], 5)
    assert diverged.nonfinite[0] == 0.5
    assert diverged.shares[0].sum() == pytest.approx(1)
    assert histogram([np.zeros(0)], 5).shares.sum() == 0
