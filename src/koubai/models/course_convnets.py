"""The three convolutional networks of the course, for images of 28 x 28."""

from __future__ import annotations

from dataclasses import dataclass

from koubai.core.checks import whole
from koubai.core.layer import Layer
from koubai.layers.convolution import Conv2d
from koubai.layers.dropout import Dropout
from koubai.layers.flatten import Flatten
from koubai.layers.linear import Linear
from koubai.layers.max_pool import MaxPool2d
from koubai.layers.rectifiers import ReLU
from koubai.layers.sequential import Sequential
from koubai.models.model import Model, register


@dataclass(frozen=True)
class _CourseConvNet(Model):
    classes: int = 10

    def __post_init__(self) -> None:
        whole(self, 1, classes=self.classes)


@register
@dataclass(frozen=True)
class SimpleConvNet(_CourseConvNet):
    """Conv 30 of 5x5, ReLU, pool 2, affine 100, ReLU, affine: 433,890 parameters for MNIST."""

    def expand(self) -> Sequential:
        """One convolution."""
        return Sequential(
            *(Conv2d(30, 5), ReLU(), MaxPool2d(2)),
            *(Flatten(), Linear(100), ReLU()),
            Linear(self.classes),
        )


@register
@dataclass(frozen=True)
class DoubleConvNet(_CourseConvNet):
    """Conv 10 of 7x7, ReLU, pool 2, conv 20 of 3x3, ReLU, pool 2, affine 100, ReLU, affine.

    Both convolutions have padding 1; 75,430 parameters for MNIST.
    """

    def expand(self) -> Sequential:
        """Two convolutions."""
        return Sequential(
            *(Conv2d(10, 7, padding=1), ReLU(), MaxPool2d(2)),
            *(Conv2d(20, 3, padding=1), ReLU(), MaxPool2d(2)),
            *(Flatten(), Linear(100), ReLU()),
            Linear(self.classes),
        )


@register
@dataclass(frozen=True)
class DeepConvNet(_CourseConvNet):
    """Six convolutions of 3x3 (16, 16, 32, 32, 64, 64), a pool after every second; affine 50, affine.

    All convolutions have padding 1, the fourth 2. Dropout .5 follows both affine layers, the logits too:
    so it stands in the course. 123,552 parameters for MNIST.
    """

    def expand(self) -> Sequential:
        """Three pairs of convolutions."""
        layers: list[Layer] = []
        for channels, second_padding in ((16, 1), (32, 2), (64, 1)):
            layers += [Conv2d(channels, 3, padding=1), ReLU()]
            layers += [Conv2d(channels, 3, padding=second_padding), ReLU(), MaxPool2d(2)]
        return Sequential(
            *layers,
            *(Flatten(), Linear(50), ReLU(), Dropout(0.5)),
            *(Linear(self.classes), Dropout(0.5)),
        )
