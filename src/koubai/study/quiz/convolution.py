"""Questions on convolutions and the networks made of them: lessons 10, 11 and 12."""

from __future__ import annotations

import numpy as np

from koubai.layers.convolution import Conv2d
from koubai.layers.im2col import col2im, im2col
from koubai.layers.window import out_size
from koubai.models.alexnet import AlexNet
from koubai.network.network import Network
from koubai.report.numbers import number
from koubai.study.quiz.asked import Asked, question


@question("output_size", "padding", "stride")
def output_size(random: np.random.Generator) -> Asked:
    """The output's side of a convolution."""
    size = int(random.integers(6, 15))
    kernel, padding, stride = (
        int(random.integers(2, 6)),
        int(random.integers(0, 3)),
        int(random.integers(1, 4)),
    )
    right = out_size(size, kernel, stride, padding)
    return Asked(
        "output_size",
        {
            "right": f"{right} x {right}",
            "once": _square((size + padding - kernel) // stride + 1),
            "short": _square((size + 2 * padding - kernel) // stride),
            "unpadded": _square((size - kernel) // stride + 1) if padding > 1 else _square(right + 2),
        },
        "right",
        "floor((size + 2 padding - kernel) / stride) + 1",
        "koubai.layers.window:out_size",
        {"size": size, "kernel": kernel, "padding": padding, "stride": stride},
    )


def _square(side: int) -> str:
    return f"{side} x {side}"


@question("convolution", "filter")
def convolution_parameters(random: np.random.Generator) -> Asked:
    """How many numbers a convolution learns."""
    channels, filters, kernel = (
        int(random.choice([1, 3])),
        int(random.choice([8, 16, 30])),
        int(random.choice([3, 5])),
    )
    right = Network(Conv2d(filters, kernel), (channels, 28, 28)).parameter_count
    weights = filters * channels * kernel**2
    return Asked(
        "convolution_parameters",
        {
            "right": number(right),
            "no_bias": number(weights),
            "one_filter": number(channels * kernel**2 + 1),
            "dense": number(28 * 28 * channels * filters + filters),
        },
        "right",
        "filters (channels kernel^2 + 1)",
        "koubai.layers.convolution:Convolution.params",
        {"channels": channels, "filters": filters, "kernel": kernel},
    )


@question("im2col", "col2im")
def multiplicity(random: np.random.Generator) -> Asked:
    """How often col2im(im2col(x)) gives the middle of an image back."""
    size, kernel = int(random.choice([5, 6, 7])), int(random.choice([2, 3]))
    ones = np.ones((1, 1, size, size))
    counts = col2im(im2col(ones, kernel), ones.shape, kernel)[0, 0]
    return Asked(
        "multiplicity",
        {
            "right": number(int(counts[size // 2, size // 2])),
            "one": "1",
            "side": number(kernel),
            "positions": number((size - kernel + 1) ** 2),
        },
        "right",
        "col2im(im2col(x)) = x * multiplicity",
        "koubai.layers.im2col:col2im",
        {"size": size, "kernel": kernel},
    )


@question("receptive_field")
def sight(random: np.random.Generator) -> Asked:
    """How many pixels a side one unit sees behind several convolutions."""
    layers, kernel = int(random.integers(2, 6)), int(random.choice([3, 5]))
    side = next(size for size in range(1, 100) if _left(size, layers, kernel) == 1)
    return Asked(
        "sight",
        {
            "right": _square(side),
            "one": _square(kernel),
            "product": _square(kernel * layers),
            "power": _square(kernel**layers),
        },
        "right",
        "r <- r + (kernel - 1) j;  j <- j stride,  r_0 = j_0 = 1",
        "koubai.layers.window:out_size",
        {"layers": layers, "kernel": kernel},
    )


def _left(size: int, layers: int, kernel: int) -> int:
    """Return the side that is left of an image behind convolutions without padding."""
    for _ in range(layers):
        size = out_size(size, kernel)
    return size


@question("alexnet")
def alexnet_weights(random: np.random.Generator) -> Asked:
    """Which of AlexNet's layers holds most parameters, or costs most multiply-adds."""
    network = Network(AlexNet(), (3, 227, 227))
    cells = [cell for cell in network.leaves if cell.layer.params(cell.in_shape)]
    names = dict(zip(cells, ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"), strict=True))
    sizes = {
        names[cell]: sum(spec.size for spec in cell.layer.params(cell.in_shape).values()) for cell in cells
    }
    right = max(sizes, key=lambda name: sizes[name])
    return Asked(
        "alexnet_weights",
        {name: name for name in ("conv1", "conv3", "fc6", "fc8")},
        right,
        "9216 x 4096 + 4096",
        "koubai.models.alexnet",
        {"count": f"{sizes[right]:,}", "total": f"{network.parameter_count:,}"},
    )
