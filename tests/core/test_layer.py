import numpy as np
import pytest

from koubai.core.errors import ShapeError
from koubai.core.layer import Cell, Layer, wire
from koubai.layers import Linear, ReLU, Residual, Sequential
from koubai.network import Network


class Bare(Layer):
    """A layer that has not said anything yet."""


def test_a_layer_without_formulas_says_which_one_is_missing():
    cell = Cell(Bare(), "", (1,), (1,))
    for call in (lambda: cell.forward(np.ones((1, 1))), lambda: cell.backward(np.ones((1, 1)))):
        with pytest.raises(NotImplementedError, match="Bare"):
            call()
    assert not Bare.has_lowering()
    assert Linear.has_lowering()


def test_a_cell_gives_its_tensors_by_name():
    network = Network(Linear(2), (3,))
    cell = network.bind(network.initialize(0))
    assert cell.weight is cell.params["weight"]
    with pytest.raises(AttributeError, match="gamma"):
        cell.gamma  # noqa: B018 - the look-up is what raises


def test_taps_see_every_leaf_and_no_composite():
    net = Sequential(Linear(3), Residual(Sequential(Linear(3), ReLU())))
    network = Network(net, (3,))
    root = network.bind(network.initialize(0, "float64"), training=True)
    taps = {}
    for cell in root.walk():
        cell.taps = taps
    y = root.forward(np.ones((2, 3)))
    root.backward(np.ones_like(y))
    leaves = ["0", "1.body.0", "1.body.1"]
    assert {path for path, role in taps if role == "activation"} == set(leaves)
    assert {path for path, role in taps if role == "activation_gradient"} == set(leaves)
    np.testing.assert_allclose(taps["1.body.1", "activation"], y - taps["0", "activation"], rtol=1e-12)


def test_an_error_keeps_the_innermost_path():
    with pytest.raises(ShapeError) as caught:
        wire(Sequential(Sequential(ReLU(), Sequential(Linear(1)))), "", (2, 2))
    assert caught.value.where == "layer 0.1.0 (Linear)"
