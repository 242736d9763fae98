"""Residual networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from koubai.core.checks import whole
from koubai.core.layer import Layer
from koubai.layers.batch_norm import BatchNorm
from koubai.layers.convolution import Conv2d
from koubai.layers.global_average_pool import GlobalAveragePool
from koubai.layers.linear import Linear
from koubai.layers.max_pool import MaxPool2d
from koubai.layers.rectifiers import ReLU
from koubai.layers.residual import Residual
from koubai.layers.sequential import Sequential
from koubai.models.model import Model, register

_NORM = BatchNorm(epsilon=1e-5)


def basic_block(channels: int, stride: int, *, projected: bool) -> tuple[Layer, Layer]:
    """y = relu(x + two convolutions of x), each of these with batch normalization.

    Where the shape changes (`projected`) the shortcut is a convolution of 1 x 1. Source: He et al. 2016,
    fig. 5 left; the projection is option B of sec. 4.1.
    """
    body = Sequential(
        *(Conv2d(channels, 3, stride=stride, padding=1, bias=False), _NORM, ReLU()),
        *(Conv2d(channels, 3, padding=1, bias=False), _NORM),
    )
    shortcut = Sequential(Conv2d(channels, 1, stride=stride, bias=False), _NORM) if projected else None
    return Residual(body, shortcut), ReLU()


def stages(widths: Sequence[int], blocks: Sequence[int]) -> Iterator[Layer]:
    """Yield the blocks of every stage; each stage but the first halves height and width at its beginning."""
    for stage, (channels, count) in enumerate(zip(widths, blocks, strict=True)):
        for block in range(count):
            narrows = stage > 0 and block == 0
            yield from basic_block(channels, 2 if narrows else 1, projected=narrows)


@register
@dataclass(frozen=True)
class ResNet18(Model):
    """Conv 64 of 7x7, pool, eight blocks of two convolutions with a shortcut, global average, affine.

    For images of 3 x 224 x 224: 11,689,512 parameters and 1,814,073,344 multiply-adds for 1000 classes.
    Source: He et al. 2016, "Deep residual learning for image recognition", table 1.
    """

    classes: int = 1000

    def __post_init__(self) -> None:
        whole(self, 1, classes=self.classes)

    def expand(self) -> Sequential:
        """The stem, four stages of two blocks, the classes."""
        return Sequential(
            *(
                Conv2d(64, 7, stride=2, padding=3, bias=False),
                _NORM,
                ReLU(),
                MaxPool2d(3, stride=2, padding=1),
            ),
            *stages((64, 128, 256, 512), (2, 2, 2, 2)),
            *(GlobalAveragePool(), Linear(self.classes)),
        )


@register
@dataclass(frozen=True)
class SmallResNet(Model):
    """A residual network for images of 28 x 28: conv 16, three stages (16, 32, 64) of `blocks` blocks each.

    6 `blocks` + 2 layers with weights, as the paper's networks for CIFAR-10 (He et al. 2016, sec. 4.2), with
    projections where the shape changes: 77,754 parameters for MNIST with one block a stage.
    """

    blocks: int = 1
    classes: int = 10

    def __post_init__(self) -> None:
        whole(self, 1, blocks=self.blocks, classes=self.classes)

    def expand(self) -> Sequential:
        """The stem, three stages, the classes."""
        return Sequential(
            *(Conv2d(16, 3, padding=1, bias=False), _NORM, ReLU()),
            *stages((16, 32, 64), (self.blocks,) * 3),
            *(GlobalAveragePool(), Linear(self.classes)),
        )
