"""Flatten: all axes of a sample become one."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from koubai.core.layer import LAYERS, Cell, Layer
from koubai.core.params import Array, Shape
from koubai.core.verbs import Builder, Handle


@LAYERS.register
@dataclass(frozen=True)
class Flatten(Layer):
    """y = x with its feature axes joined in C order: (N, C, H, W) -> (N, C H W)."""

    affine: ClassVar[bool] = True

    def output_shape(self, shape: Shape) -> Shape:
        """(C, H, W) -> (C H W,)."""
        return (prod(shape),)

    def forward(self, cell: Cell, x: Array) -> Array:
        """x (N, ...) -> y (N, F)."""
        cell.save(x.shape)
        return x.reshape(len(x), prod(x.shape[1:]))

    def backward(self, cell: Cell, dy: Array) -> Array:
        """dy (N, F) -> dx (N, ...)."""
        (shape,) = cell.saved
        return dy.reshape(shape)

    # ------------------------------------------------------------------------------------ lowering

    def lower(self, build: Builder, x: Handle) -> Handle:
        """One verb."""
        return build.reshape(x, self.output_shape(x.shape))
