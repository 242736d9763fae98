import numpy as np
import pytest
import torch
from torch.nn import functional

from koubai.core.errors import KoubaiError, ShapeError
from koubai.layers import Conv1d, Conv2d, DepthwiseConv2d
from koubai.layers.padding import places, stream_of
from koubai.models.dense_block import DenseBlock
from koubai.models.separable import SeparableConv2d
from koubai.network import Network
from support.samples import Sample


def twin_of(layer, groups=1):
    """PyTorch pads by its own function; of random places there is none, so that twin shows the same ones."""
    window = layer.window
    convolve = functional.conv2d if window.kernel[1:] else functional.conv1d

    def twin(x, p):
        if layer.padding_mode == "random":
            space = tuple(n + 2 * q for n, q in zip(x.shape[2:], window.padding, strict=True))
            shown = places(tuple(x.shape[2:]), window.padding, "random", stream_of(9, "", 1, True))
            x = x.flatten(2)[:, :, shown.tolist()].unflatten(2, space)
        else:
            around = [q for q in reversed(window.padding) for _ in (0, 1)]
            x = functional.pad(x, around, mode=layer.padding_mode)
        return convolve(x, p["weight"], p.get("bias"), window.stride, 0, window.dilation, groups)

    return twin


CASES = [
    (Conv1d(2, 3, padding=2, padding_mode="reflect"), (2, 5), 1),
    (Conv1d(2, 3, padding=1, stride=2, padding_mode="replicate"), (1, 6), 1),
    (Conv2d(3, 3, padding=1, padding_mode="reflect"), (2, 4, 3), 1),
    (Conv2d(2, 3, padding=(3, 1), stride=2, padding_mode="replicate", bias=False), (18, 2, 4), 1),
    (Conv2d(4, 3, padding=2, dilation=2, groups=2, padding_mode="random"), (2, 4, 4), 2),
]
SAMPLES = [Sample(layer, shape, twin_of(layer, groups), batch=2) for layer, shape, groups in CASES]
SAMPLES += [
    Sample(
        DepthwiseConv2d(3, stride=2, padding=1),
        (3, 4, 5),
        lambda x, p: functional.conv2d(x, p["weight"], p["bias"], 2, 1, 1, 3),
    ),
    Sample(
        DepthwiseConv2d((1, 2), multiplier=2, bias=False),
        (2, 3, 3),
        lambda x, p: functional.conv2d(x, p["weight"], groups=2),
    ),
]


def separable(x, p):
    x = functional.conv2d(x, p["0.weight"], padding=1, groups=x.shape[1])
    return functional.conv2d(x, p["1.weight"], p["1.bias"])


SAMPLES += [Sample(SeparableConv2d(4, 3, padding=1), shape, separable) for shape in ((2, 4, 5), (1, 3, 3))]


def dense(x, p):
    for i in range(2):
        norm = functional.batch_norm(
            x, None, None, p[f"{i}.1.0.gamma"], p[f"{i}.1.0.beta"], training=True, eps=1e-5
        )
        new = functional.conv2d(functional.relu(norm), p[f"{i}.1.2.weight"], padding=1)
        x = torch.cat([x, new], dim=1)
    return x


SAMPLES += [Sample(DenseBlock(2, growth=3), shape, dense) for shape in ((2, 3, 3), (1, 4, 2))]


def test_random_places_are_new_each_step_and_the_same_when_asked_again():
    space, padding = (6, 6), (1, 1)

    def shown(step, *, training=True, seed=3):
        return places(space, padding, "random", stream_of(seed, "0", step, training))

    assert np.array_equal(shown(1), shown(1))
    assert not np.array_equal(shown(1), shown(2))
    assert not np.array_equal(shown(1), shown(1, seed=4))
    assert np.array_equal(shown(1, training=False), shown(9, training=False, seed=4))
    inside = shown(1).reshape(8, 8)[1:-1, 1:-1]
    assert np.array_equal(inside, np.arange(36).reshape(6, 6))
    assert len(set(shown(1).tolist()) & set(range(36))) == 36


def test_depthwise_is_a_grouped_convolution_that_knows_its_groups():
    """C times fewer products than a whole convolution: Howard et al. 2017, eqs. (2) and (3)."""
    depthwise, whole = (
        Network(layer, (8, 5, 5)) for layer in (DepthwiseConv2d(3, padding=1), Conv2d(8, 3, padding=1))
    )
    assert whole.multiply_adds == 8 * depthwise.multiply_adds
    assert depthwise.param_specs["weight"].fan_in == 9


def test_what_cannot_be_is_named():
    with pytest.raises(ShapeError, match="at most 3 on an axis of 4"):
        Network(Conv2d(1, 3, padding=4, padding_mode="reflect"), (1, 4, 4)).root  # noqa: B018
    with pytest.raises(KoubaiError, match="did you mean 'reflect'"):
        Conv2d(1, 3, padding=1, padding_mode="reflec")
