import numpy as np
import pytest
import torch

from koubai.core.errors import ShapeError
from koubai.layers import Softmax
from koubai.network import Network
from support.samples import Sample

SAMPLES = [
    Sample(Softmax(), (5,), lambda x, p: torch.softmax(x, dim=1)),
    Sample(Softmax(), (1,), lambda x, p: torch.softmax(x, dim=1)),
]


def bound(size, dtype="float64"):
    network = Network(Softmax(), (size,))
    return network.bind(network.initialize(0, dtype), training=True)


def test_worked_by_hand():
    cell = bound(3)
    np.testing.assert_allclose(cell.forward(np.log([[1.0, 2.0, 5.0]])), [[1 / 8, 2 / 8, 5 / 8]])
    # dy = (8, 0, 0): sum dy y = 1, so dx = y (dy - 1)
    np.testing.assert_allclose(cell.backward(np.array([[8.0, 0.0, 0.0]])), [[7 / 8, -2 / 8, -5 / 8]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e4, 1e30])
def test_large_logits_neither_overflow_nor_break_the_sum(dtype, size):
    y = bound(3, dtype).forward(np.array([[size, -size, 0], [size, size, -size]], dtype))
    assert y.tolist() == [[1, 0, 0], [0.5, 0.5, 0]]


def test_a_common_shift_makes_no_difference():
    x = np.array([[0.25, 0.5, -1.0]])
    assert np.array_equal(bound(3).forward(x), bound(3).forward(x + 1024))


def test_one_unit_alone_is_always_one_and_learns_nothing():
    cell = bound(1)
    assert cell.forward(np.array([[3.0], [-8.0]])).tolist() == [[1], [1]]
    assert not cell.backward(np.array([[5.0], [1.0]])).any()


def test_an_image_is_refused():
    with pytest.raises(ShapeError, match="one axis of features"):
        Network(Softmax(), (3, 4)).root  # noqa: B018 - wiring is what raises
