"""Average pooling: the mean response of each window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from koubai.core.layer import LAYERS, Cell
from koubai.core.params import Array
from koubai.layers.pooling import Pooling


@dataclass(frozen=True)
class AveragePool(Pooling):
    """y = (1/K) sum_k x[k] over the K elements of each window;  dx[k] += dy / K.

    | symbol | name   | shape     |
    |--------|--------|-----------|
    | x      | input  | (N, C, S) |
    | y      | output | (N, C, P) |

    Padding counts as zeros, so K is the same at the border. Source: LeCun et al. 1998, sec. II.A (without
    its trained coefficient and bias).
    """

    affine: ClassVar[bool] = True

    kind = "average"

    def forward(self, cell: Cell, x: Array) -> Array:
        """x (N, C, S) -> y (N, C, P)."""
        windows = self.windows(x, fill=0.0)
        cell.save(x.shape, windows.shape)
        return windows.mean(axis=2).reshape(len(x), *cell.out_shape)

    def backward(self, cell: Cell, dy: Array) -> Array:
        """dy (N, C, P) -> dx (N, C, S)."""
        shape, (N, C, K, P) = cell.saved
        dwindows = np.broadcast_to(dy.reshape(N, C, 1, P) / K, (N, C, K, P))
        return self.scatter(dwindows, shape)


@LAYERS.register
@dataclass(frozen=True)
class AveragePool1d(AveragePool):
    """Average pooling along one axis, x (N, C, L)."""

    rank = 1


@LAYERS.register
@dataclass(frozen=True)
class AveragePool2d(AveragePool):
    """Average pooling over images, x (N, C, H, W)."""

    rank = 2
