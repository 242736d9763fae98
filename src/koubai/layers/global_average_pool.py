"""Global average pooling: one number per channel."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np

from koubai.core.errors import ShapeError
from koubai.core.layer import LAYERS, Cell, Layer
from koubai.core.params import Array, Shape
from koubai.core.verbs import Builder, Handle
from koubai.words.phrase import phrase


@LAYERS.register
@dataclass(frozen=True)
class GlobalAveragePool(Layer):
    """y = (1/S) sum_s x[s] over all S places of a channel;  dx[s] = dy / S.

    | symbol | name   | shape     |
    |--------|--------|-----------|
    | x      | input  | (N, C, S) |
    | y      | output | (N, C)    |

    Raises ShapeError if x has no space axis. Source: Lin, Chen, Yan 2014, "Network in network", sec. 3.2.
    """

    affine: ClassVar[bool] = True

    def output_shape(self, shape: Shape) -> Shape:
        """(C, S) -> (C,)."""
        if len(shape) < 2:
            raise ShapeError("takes_channels_and_space", got=shape, hint=phrase("put_it_before_flatten"))
        return (shape[0],)

    def forward(self, cell: Cell, x: Array) -> Array:
        """x (N, C, S) -> y (N, C)."""
        cell.save(x.shape)
        return x.mean(axis=tuple(range(2, x.ndim)))

    def backward(self, cell: Cell, dy: Array) -> Array:
        """dy (N, C) -> dx (N, C, S)."""
        (shape,) = cell.saved
        per_place = dy.reshape(*dy.shape, *(1,) * (len(shape) - 2)) / prod(shape[2:])
        return np.broadcast_to(per_place, shape).copy()

    # ------------------------------------------------------------------------------------ lowering

    def lower(self, build: Builder, x: Handle) -> Handle:
        """One verb."""
        return build.mean_over_space(x)
