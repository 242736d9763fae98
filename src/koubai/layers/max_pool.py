"""Maximum pooling: the strongest response of each window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.core.layer import LAYERS, Cell
from koubai.core.params import Array
from koubai.layers.pooling import Pooling


@dataclass(frozen=True)
class MaxPool(Pooling):
    """y = max_k x[k] over the elements k of each window;  dx[k] += dy where k is the maximum.

    | symbol | name                 | shape        |
    |--------|----------------------|--------------|
    | x      | input                | (N, C, S)    |
    | y      | output               | (N, C, P)    |
    | k*     | place of the maximum | (N, C, 1, P) |

    Padding never wins (it counts as -inf). Of equal elements the first in C order receives the gradient.
    A NaN in a window is its maximum. Source: Ranzato et al. 2007; Scherer, Mueller, Behnke 2010.
    """

    kind = "max"

    def forward(self, cell: Cell, x: Array) -> Array:
        """x (N, C, S) -> y (N, C, P)."""
        windows = self.windows(x, fill=-np.inf)
        k = windows.argmax(axis=2, keepdims=True)
        cell.save(x.shape, windows.shape, k)
        return np.take_along_axis(windows, k, axis=2).reshape(len(x), *cell.out_shape)

    def backward(self, cell: Cell, dy: Array) -> Array:
        """dy (N, C, P) -> dx (N, C, S)."""
        shape, windows_shape, k = cell.saved
        dwindows = np.zeros(windows_shape, dy.dtype)
        np.put_along_axis(dwindows, k, dy.reshape(k.shape), axis=2)
        return self.scatter(dwindows, shape)


@LAYERS.register
@dataclass(frozen=True)
class MaxPool1d(MaxPool):
    """Maximum pooling along one axis, x (N, C, L)."""

    rank = 1


@LAYERS.register
@dataclass(frozen=True)
class MaxPool2d(MaxPool):
    """Maximum pooling over images, x (N, C, H, W)."""

    rank = 2
