"""The course's check questions: each answer computed by the library."""

import numpy as np
import pytest

from koubai.layers import Linear, ReLU, Sequential, Sigmoid
from koubai.layers.window import out_size
from koubai.losses import MeanSquaredError, SoftmaxCrossEntropy
from koubai.network import Network
from koubai.optim import SGD


def bound(layer, shape, seed=0):
    network = Network(layer, shape)
    return network.bind(network.initialize(seed, "float64"), training=True)


@pytest.mark.parametrize(("x", "y"), [(3.0, 4.0), (-1.0, 0.25)])
def test_the_derivative_of_t_squared_with_t_the_sum_is_twice_the_sum(x, y):
    cell = bound(Linear(1, bias=False), (2,))
    cell.params["weight"][:] = 1  # t = x + y
    z, zero = MeanSquaredError(), np.zeros((1, 1))  # z = (t - 0)^2
    t = cell.forward(np.array([[x, y]]))
    assert z.value(t, zero) == (x + y) ** 2
    assert cell.backward(z.gradient(t, zero)).tolist() == [[2 * (x + y), 2 * (x + y)]]


def test_which_line_is_which_derivative():
    """delta at the output = dE/du2; carried back through W^T and f', delta = dE/du1; dE/dW = z^T delta."""
    root = bound(Sequential(Linear(4), Sigmoid(), Linear(3)), (5,))
    x, t = np.random.default_rng(0).normal(size=(6, 5)), np.arange(6) % 3
    y = root.forward(x)
    output_delta = SoftmaxCrossEntropy().gradient(y, t)
    root.backward(output_delta)
    first, hidden, last = root.children.values()
    z = hidden.saved[1]
    np.testing.assert_allclose(last.grads["weight"], z.T @ output_delta, rtol=1e-12)
    hidden_delta = (output_delta @ last.weight.T) * z * (1 - z)
    np.testing.assert_allclose(first.grads["weight"], x.T @ hidden_delta, rtol=1e-12)
    np.testing.assert_allclose(first.grads["bias"], hidden_delta.sum(axis=0), rtol=1e-12)


def test_sizes_after_a_window():
    assert out_size(6, kernel=2, stride=1, padding=1) == 7
    assert out_size(8, kernel=3, stride=2, padding=1) == 4


@pytest.mark.parametrize("alpha", [0.01, 0.1, 0.4, 0.5, 0.6, 0.9, 0.99, 1.0, 1.01, 1.5])
def test_gradient_descent_on_a_parabola_converges_below_one(alpha):
    a = 3.0
    x = np.array([-2.0])
    for t in range(1, 2001):
        SGD().update(x, 2 * (x - a), {}, alpha, t)
        if abs(x[0]) > 1e100:
            break
    error = abs(x[0] - a)
    assert (error < 1e-6) == (0 < alpha < 1)
    assert (error > 1e6) == (alpha > 1)
    assert alpha != 1 or error == 5, "at 1 it jumps from side to side"


def test_relu_makes_zeros():
    y = bound(ReLU(), (1000,)).forward(np.random.default_rng(0).normal(size=(1, 1000)))
    assert 0.4 < (y == 0).mean() < 0.6
