"""DenseNet's block."""

from __future__ import annotations

from dataclasses import dataclass

from koubai.core.checks import whole
from koubai.core.layer import LAYERS
from koubai.layers.activations import Identity
from koubai.layers.batch_norm import BatchNorm
from koubai.layers.concatenate import Concatenate
from koubai.layers.convolution import Conv2d
from koubai.layers.rectifiers import ReLU
from koubai.layers.sequential import Sequential
from koubai.models.model import Model


@LAYERS.register
@dataclass(frozen=True)
class DenseBlock(Model):
    """Each of `layers` convolutions sees all before it and adds `growth` channels to them.

        x_l = [x_(l-1), H(x_(l-1))],  H = BatchNorm, ReLU, Conv2d(growth, 3, padding=1)

    (N, C, S) becomes (N, C + layers growth, S). Source: Huang et al. 2017, eq. (2).
    """

    layers: int = 4
    growth: int = 12

    def __post_init__(self) -> None:
        whole(self, 1, layers=self.layers, growth=self.growth)

    def expand(self) -> Sequential:
        """One join a convolution."""
        H = Sequential(BatchNorm(epsilon=1e-5), ReLU(), Conv2d(self.growth, 3, padding=1, bias=False))
        return Sequential(*(Concatenate(Identity(), H) for _ in range(self.layers)))
