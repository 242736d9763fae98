"""Depthwise convolution: each channel by itself."""

from __future__ import annotations

from dataclasses import dataclass

from koubai.core.checks import whole
from koubai.core.layer import LAYERS, Cell
from koubai.core.params import Array, ParamSpec, Shape
from koubai.core.verbs import Builder, Handle
from koubai.initializers.constant import Zeros
from koubai.initializers.initializer import Initializer
from koubai.layers.convolution import Conv2d, SlidesFilters
from koubai.layers.padding import PaddingMode
from koubai.layers.window import Window


@LAYERS.register
@dataclass(frozen=True)
class DepthwiseConv2d(SlidesFilters):
    """Convolution of each channel of x (N, C, H, W) by filters of its own: groups = C.

    The formula is that of Convolution with C groups and M = C `multiplier` output channels: C times fewer
    products than a whole one. A convolution of 1 x 1 behind it mixes the channels (SeparableConv2d).
    Source: Sifre 2014; Howard et al. 2017, eq. (3).
    """

    kernel: int | tuple[int, ...]
    stride: int | tuple[int, ...] = 1
    padding: int | tuple[int, ...] = 0
    multiplier: int = 1
    bias: bool = True
    weight_init: Initializer | None = None
    bias_init: Initializer = Zeros()
    padding_mode: PaddingMode = "zeros"

    def __post_init__(self) -> None:
        whole(self, 1, multiplier=self.multiplier)
        self.on(1)

    def on(self, channels: int) -> Conv2d:
        """The convolution this is for so many channels."""
        numbers = (channels * self.multiplier, self.kernel, self.stride, self.padding, 1, channels)
        return Conv2d(*numbers, self.bias, self.weight_init, self.bias_init, self.padding_mode)

    @property
    def window(self) -> Window:
        """Kernel, stride and padding of every axis."""
        return self.on(1).window

    def output_shape(self, shape: Shape) -> Shape:
        """(C, H, W) -> (C multiplier, P)."""
        return self.on(shape[0]).output_shape(shape)

    def params(self, shape: Shape) -> dict[str, ParamSpec]:
        """W (C multiplier, 1, K) and b (C multiplier,)."""
        return self.on(shape[0]).params(shape)

    def multiply_adds(self, shape: Shape) -> int:
        """P C multiplier K."""
        return self.on(shape[0]).multiply_adds(shape)

    def forward(self, cell: Cell, x: Array) -> Array:
        """x (N, C, H, W) -> y (N, C multiplier, P)."""
        return self.on(x.shape[1]).forward(cell, x)

    def backward(self, cell: Cell, dy: Array) -> Array:
        """dy -> dx, dW, db."""
        return self.on(cell.in_shape[0]).backward(cell, dy)

    # ------------------------------------------------------------------------------------ lowering

    def lower(self, build: Builder, x: Handle) -> Handle:
        """That of the convolution."""
        return self.on(x.shape[0]).lower(build, x)
