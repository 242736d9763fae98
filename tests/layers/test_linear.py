import numpy as np
import pytest
from torch.nn import functional

from koubai.core.errors import SettingError, ShapeError
from koubai.layers import Flatten, Linear, Sequential
from koubai.network import Network
from support.samples import Sample


def twin(x, p):
    return functional.linear(x, p["weight"].T, p.get("bias"))


SAMPLES = [
    Sample(Linear(4), (5,), twin),
    Sample(Linear(1), (3,), twin),
    Sample(Linear(6, bias=False), (1,), twin),
    Sample(Linear(3), (4,), twin, batch=7),
]


def test_worked_by_hand():
    cell = Network(Linear(2), (3,)).bind(Network(Linear(2), (3,)).initialize(0, "float64"), training=True)
    cell.params["weight"][:] = [[1, 2], [3, 4], [5, 6]]
    cell.params["bias"][:] = [10, 20]
    assert cell.forward(np.array([[1.0, 0.0, -1.0]])).tolist() == [[1 - 5 + 10, 2 - 6 + 20]]
    dx = cell.backward(np.array([[1.0, 2.0]]))
    assert dx.tolist() == [[1 + 4, 3 + 8, 5 + 12]]
    assert cell.grads["weight"].tolist() == [[1, 2], [0, 0], [-1, -2]]
    assert cell.grads["bias"].tolist() == [1, 2]


def test_an_image_is_refused_with_what_would_fit():
    with pytest.raises(ShapeError) as caught:
        Network(Sequential(Linear(10)), (1, 28, 28)).root  # noqa: B018 - wiring is what raises
    assert str(caught.value).startswith("layer 0 (Linear): takes one axis of features")
    assert "Flatten()" in str(caught.value)
    assert "1 x 28 x 28" in str(caught.value)
    assert Network(Sequential(Flatten(), Linear(10)), (1, 28, 28)).out_shape == (10,)


def test_no_outputs_are_refused():
    with pytest.raises(SettingError, match="out_features"):
        Linear(0)


def test_multiply_adds_and_parameters():
    network = Network(Linear(10), (784,))
    assert network.multiply_adds == 784 * 10
    assert network.parameter_count == 784 * 10 + 10
    assert Network(Linear(10, bias=False), (784,)).parameter_count == 7840


def test_penalties_act_on_the_weight_not_on_the_bias():
    specs = Linear(2).params((3,))
    assert specs["weight"].penalized
    assert not specs["bias"].penalized
