"""Depthwise separable convolution."""

from __future__ import annotations

from dataclasses import dataclass

from koubai.core.checks import whole
from koubai.core.layer import LAYERS
from koubai.layers.convolution import Conv2d
from koubai.layers.depthwise import DepthwiseConv2d
from koubai.layers.sequential import Sequential
from koubai.models.model import Model


@LAYERS.register
@dataclass(frozen=True)
class SeparableConv2d(Model):
    """A convolution in two steps: each channel by itself (`kernel`), then 1 x 1 across the channels.

    P C (K + M) products instead of P C M K. Source: Howard et al. 2017, sec. 3.1 (who put a BatchNorm and a
    ReLU behind each step; Chollet 2017 puts nothing between them, as here).
    """

    out_channels: int
    kernel: int | tuple[int, ...]
    stride: int | tuple[int, ...] = 1
    padding: int | tuple[int, ...] = 0

    def __post_init__(self) -> None:
        whole(self, 1, out_channels=self.out_channels)
        DepthwiseConv2d(self.kernel, self.stride, self.padding)

    def expand(self) -> Sequential:
        """Depthwise, then pointwise."""
        depthwise = DepthwiseConv2d(self.kernel, self.stride, self.padding, bias=False)
        return Sequential(depthwise, Conv2d(self.out_channels, 1))
