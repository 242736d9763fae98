"""Softmax as a layer: features become shares of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from koubai.core.errors import ShapeError
from koubai.core.layer import LAYERS, Cell, Layer
from koubai.core.params import Array, Shape
from koubai.core.verbs import Builder, Handle
from koubai.words.phrase import phrase


@LAYERS.register
@dataclass(frozen=True)
class Softmax(Layer):
    """Shares in proportion to the exponentials.

        y_k = exp(x_k - max x) / sum_j exp(x_j - max x)        dx_k = y_k (dy_k - sum_j dy_j y_j)

    | symbol | name            | shape  |
    |--------|-----------------|--------|
    | x      | logits          | (N, K) |
    | y      | shares, sum 1   | (N, K) |

    Raises ShapeError if x has more than one feature axis. One unit alone is always 1. For training on
    classes use SoftmaxCrossEntropy on the logits, which needs no layer here. Source: Bridle 1990.
    """

    gives: ClassVar[str] = "shares"

    def output_shape(self, shape: Shape) -> Shape:
        """(K,) -> (K,)."""
        if len(shape) != 1:
            raise ShapeError(
                "takes_one_axis_of_features", expected="(K,)", got=shape, hint=phrase("put_flatten_before_it")
            )
        return shape

    def forward(self, cell: Cell, x: Array) -> Array:
        """x (N, K) -> y (N, K)."""
        e = np.exp(x - x.max(axis=1, keepdims=True))
        y = e / e.sum(axis=1, keepdims=True)
        cell.save(y)
        return y

    def backward(self, cell: Cell, dy: Array) -> Array:
        """dy (N, K) -> dx (N, K)."""
        (y,) = cell.saved
        return y * (dy - (dy * y).sum(axis=1, keepdims=True))

    # ------------------------------------------------------------------------------------ lowering

    def lower(self, build: Builder, x: Handle) -> Handle:
        """One verb."""
        return build.softmax(x)
