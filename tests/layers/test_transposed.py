import numpy as np
import pytest
import torch
from torch.nn import functional

from koubai.core.errors import SettingError, ShapeError
from koubai.layers import Conv2d, ConvTranspose1d, ConvTranspose2d
from koubai.network import Network
from support.samples import Sample


def twin_of(layer):
    convolve = functional.conv_transpose2d if layer.rank == 2 else functional.conv_transpose1d
    numbers = (layer.stride, layer.padding, layer.output_padding, layer.groups, layer.dilation)
    return lambda x, p: convolve(x, p["weight"], p.get("bias"), *numbers)


CASES = [
    (ConvTranspose1d(3, 2), (2, 5)),
    (ConvTranspose1d(2, 4, stride=3, padding=1, output_padding=1, bias=False), (1, 4)),
    (ConvTranspose2d(2, 2, stride=2), (3, 2, 3)),
    (ConvTranspose2d(4, (3, 2), stride=(2, 1), padding=(1, 0), output_padding=(1, 0), groups=2), (4, 3, 3)),
    (ConvTranspose2d(2, 3, dilation=2, padding=1), (1, 3, 2)),
]
SAMPLES = [Sample(layer, shape, twin_of(layer), batch=2) for layer, shape in CASES]


def bound(layer, shape, seed=0):
    network = Network(layer, shape)
    return network.bind(network.initialize(seed, "float64"), training=True)


def test_by_hand():
    cell = bound(ConvTranspose1d(1, 2, stride=2), (1, 2))
    cell.params["weight"][:] = [[[1, 10]]]
    assert cell.forward(np.array([[[3.0, 5.0]]])).tolist() == [[[3, 30, 5, 50]]]
    assert cell.backward(np.array([[[1.0, 2.0, 3.0, 4.0]]])).tolist() == [[[21, 43]]]
    assert cell.grads["weight"].tolist() == [[[3 * 1 + 5 * 3, 3 * 2 + 5 * 4]]]
    assert cell.grads["bias"].tolist() == [10]


def test_it_is_what_a_convolution_does_to_the_gradient():
    convolution = bound(Conv2d(3, 3, stride=2, padding=1, bias=False), (2, 7, 6))
    x = np.random.default_rng(0).normal(size=(2, 2, 7, 6))
    dy = np.random.default_rng(1).normal(size=convolution.forward(x).shape)
    transposed = bound(
        ConvTranspose2d(2, 3, stride=2, padding=1, output_padding=(0, 1), bias=False), (3, 4, 3)
    )
    transposed.params["weight"][:] = convolution.params["weight"]
    np.testing.assert_allclose(transposed.forward(dy), convolution.backward(dy), atol=1e-12)


@pytest.mark.parametrize(("layer", "shape"), CASES, ids=lambda value: str(value)[:60])
def test_the_size_is_pytorchs(layer, shape):
    weight = torch.zeros(Network(layer, shape).param_specs["weight"].shape)
    y = twin_of(layer)(torch.zeros(1, *shape), {"weight": weight})
    assert Network(layer, shape).out_shape == tuple(y.shape[1:])


def test_the_scale_of_the_outputs_stays_with_he_weights():
    """Twice the variance that comes in, as for a Linear before a ReLU."""
    cell = bound(ConvTranspose2d(64, 4, stride=2, padding=1, bias=False), (64, 16, 16), seed=3)
    y = cell.forward(np.random.default_rng(0).normal(size=(2, 64, 16, 16)))
    assert 1.8 < y[:, :, 4:-4, 4:-4].var() < 2.2


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: ConvTranspose2d(1, 2, output_padding=1), SettingError, "output_padding"),
        (lambda: ConvTranspose2d(1, 0), SettingError, "kernel"),
        (lambda: Network(ConvTranspose2d(3, 2, groups=2), (4, 2, 2)).root, ShapeError, "remainders 0 and 1"),
        (lambda: Network(ConvTranspose1d(1, 1, padding=2), (1, 4)).root, ShapeError, "smaller padding"),
        (lambda: Network(ConvTranspose2d(1, 1), (4,)).root, ShapeError, "before Flatten"),
    ],
)
def test_what_cannot_be_is_named(make, error, text):
    with pytest.raises(error, match=text):
        make()
