"""LeNet."""

from __future__ import annotations

from dataclasses import dataclass

from koubai.core.checks import whole
from koubai.core.layer import Layer
from koubai.layers.convolution import Conv2d
from koubai.layers.flatten import Flatten
from koubai.layers.linear import Linear
from koubai.layers.max_pool import MaxPool2d
from koubai.layers.sequential import Sequential
from koubai.models.model import Model, activation_named, register


@register
@dataclass(frozen=True)
class LeNet(Model):
    """Conv 6 and conv 16 (5x5), each with activation and max pool 2; affine 120, 84, classes.

    After LeNet-5 (LeCun et al. 1998, sec. II.B), with full connections between the maps, maximum pooling
    and logits at the end. `padding` 2 of the first convolution makes 28 x 28 images the original's 32 x 32:
    61,706 parameters.
    """

    classes: int = 10
    activation: str = "relu"
    hidden: tuple[int, ...] = (120, 84)
    padding: int = 2

    def __post_init__(self) -> None:
        whole(self, 1, hidden=self.hidden, classes=self.classes)
        whole(self, 0, padding=self.padding)
        activation_named(self.activation, "LeNet")

    def expand(self) -> Sequential:
        """Two convolutions, then the hidden layers."""
        activation = activation_named(self.activation, "LeNet")
        affine: list[Layer] = []
        for size in self.hidden:
            affine += [Linear(size), activation]
        return Sequential(
            *(Conv2d(6, 5, padding=self.padding), activation, MaxPool2d(2)),
            *(Conv2d(16, 5), activation, MaxPool2d(2)),
            *(Flatten(), *affine),
            Linear(self.classes),
        )
