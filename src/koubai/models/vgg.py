"""VGG: depth by many small filters."""

from __future__ import annotations

from dataclasses import dataclass

from koubai.core.checks import share, whole
from koubai.core.errors import SettingError
from koubai.core.layer import Layer
from koubai.layers.batch_norm import BatchNorm
from koubai.layers.convolution import Conv2d
from koubai.layers.dropout import Dropout
from koubai.layers.flatten import Flatten
from koubai.layers.linear import Linear
from koubai.layers.max_pool import MaxPool2d
from koubai.layers.rectifiers import ReLU
from koubai.layers.sequential import Sequential
from koubai.models.model import Model, register
from koubai.words.phrase import phrase

_CHANNELS = (64, 128, 256, 512, 512)
_CONVOLUTIONS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


@register
@dataclass(frozen=True)
class VGG(Model):
    """Five stages of 3x3 convolutions (64 to 512), a pool after each; affine 4096, 4096, classes.

    `depth` counts the layers with weights: 11, 13, 16 or 19 (configurations A, B, D and E). For images of
    3 x 224 x 224 and 1000 classes depth 16 has 138,357,544 parameters and 15,470,264,320 multiply-adds.
    `batch_norm` puts one behind every convolution, which the paper did not know yet.
    Source: Simonyan and Zisserman 2015, table 1.
    """

    depth: int = 16
    classes: int = 1000
    batch_norm: bool = False
    dropout: float = 0.5

    def __post_init__(self) -> None:
        whole(self, 1, classes=self.classes)
        share(self, dropout=self.dropout)
        if self.depth not in _CONVOLUTIONS:
            raise SettingError(
                "out_of_range",
                setting="depth",
                where="VGG",
                expected=phrase("one_of", names="11, 13, 16, 19"),
                got=self.depth,
            )

    def expand(self) -> Sequential:
        """Five stages, three affine layers."""
        norm = (BatchNorm(epsilon=1e-5),) if self.batch_norm else ()
        layers: list[Layer] = []
        for channels, count in zip(_CHANNELS, _CONVOLUTIONS[self.depth], strict=True):
            layers += [Conv2d(channels, 3, padding=1), *norm, ReLU()] * count
            layers.append(MaxPool2d(2))
        dropout = (Dropout(self.dropout),) if self.dropout else ()
        affine = [Linear(4096), ReLU(), *dropout] * 2
        return Sequential(*layers, Flatten(), *affine, Linear(self.classes))
