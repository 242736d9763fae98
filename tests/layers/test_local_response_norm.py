import numpy as np
import pytest
from torch.nn import functional

from koubai.core.errors import SettingError
from koubai.layers import LocalResponseNorm
from koubai.network import Network
from support.samples import Sample


def twin_of(layer):  # PyTorch divides alpha by the size
    return lambda x, p: functional.local_response_norm(
        x, layer.size, layer.alpha * layer.size, layer.beta, layer.k
    )


SAMPLES = [
    Sample(layer, shape, twin_of(layer), batch=2)
    for layer in (
        LocalResponseNorm(),
        LocalResponseNorm(size=3, k=1.0, alpha=0.7, beta=0.5),
        LocalResponseNorm(size=1, alpha=0.2),
    )
    for shape in ((6, 2, 2), (2, 3))
]


def test_worked_by_hand():
    network = Network(LocalResponseNorm(size=3, k=1.0, alpha=1.0, beta=1.0), (3, 1))
    cell = network.bind(network.initialize(0, "float64"), training=True)
    y = cell.forward(np.array([[[1.0], [2.0], [3.0]]]))
    np.testing.assert_allclose(y.ravel(), [1 / (1 + 1 + 4), 2 / (1 + 1 + 4 + 9), 3 / (1 + 4 + 9)])
    # b_0 = a_0 / (1 + a_0^2 + a_1^2): db_0/da_0 = 1/6 - 2/36, db_0/da_1 = -4/36, db_0/da_2 = 0
    dx = cell.backward(np.array([[[1.0], [0.0], [0.0]]]))
    np.testing.assert_allclose(dx.ravel(), [1 / 6 - 2 / 36, -4 / 36, 0], atol=1e-15)


def test_the_constants_are_the_papers():
    layer = LocalResponseNorm()
    assert (layer.size, layer.k, layer.alpha, layer.beta) == (5, 2.0, 1e-4, 0.75)


@pytest.mark.parametrize("settings", [{"size": 4}, {"size": 0}, {"k": 0.0}, {"alpha": -1.0}])
def test_settings_out_of_range_are_named(settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        LocalResponseNorm(**settings)
