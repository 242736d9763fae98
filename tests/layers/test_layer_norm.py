import numpy as np
import pytest
from torch.nn import functional

from koubai.core.errors import SettingError
from koubai.layers import LayerNorm
from koubai.network import Network
from support.samples import Sample


def twin_of(layer):
    return lambda x, p: functional.layer_norm(x, x.shape[1:], p["gamma"], p["beta"], layer.epsilon)


SAMPLES = [
    Sample(layer, shape, twin_of(layer))
    for layer in (LayerNorm(), LayerNorm(epsilon=0.3))
    for shape in ((5,), (2, 3, 2))
]


def test_worked_by_hand():
    network = Network(LayerNorm(epsilon=1.0), (3,))
    cell = network.bind(network.initialize(0, "float64"), training=True)
    x = np.array([[-1.0, 0.0, 1.0]]) * np.sqrt(4.5) + 7  # var 3
    np.testing.assert_allclose(cell.forward(x), np.array([[-1, 0, 1]]) * np.sqrt(4.5) / 2)
    # x_hat = (-a, 0, a), a = sqrt(4.5)/2; dy = (1, 0, 0): mean 1/3, mean of dy x_hat = -a/3
    dx = cell.backward(np.array([[1.0, 0.0, 0.0]]))
    np.testing.assert_allclose(dx * 2, [[1 - 1 / 3 - 4.5 / 12, -1 / 3, -1 / 3 + 4.5 / 12]])


def test_samples_do_not_see_each_other():
    network = Network(LayerNorm(), (4,))
    cell = network.bind(network.initialize(0, "float64"), training=True)
    x = np.random.default_rng(0).normal(size=(3, 4))
    together = cell.forward(x)
    alone = np.concatenate([cell.forward(row[None]) for row in x])
    assert np.array_equal(together, alone)


@pytest.mark.parametrize("value", [1e4 / 3, -0.1, 3e30])
def test_a_constant_sample_gives_exactly_beta(value):
    network = Network(LayerNorm(), (100,))
    cell = network.bind(network.initialize(0, "float32"), training=True)
    cell.params["beta"][:] = 5
    assert (cell.forward(np.full((2, 100), value, np.float32)) == 5).all()


def test_settings_out_of_range_are_named():
    with pytest.raises(SettingError, match="epsilon"):
        LayerNorm(epsilon=0.0)
