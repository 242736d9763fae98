"""Dropout: units fall silent at random while training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from koubai.core.checks import share
from koubai.core.layer import LAYERS, Cell, Layer
from koubai.core.params import Array
from koubai.core.random import keep_mask, key
from koubai.core.verbs import Builder, Handle


@LAYERS.register
@dataclass(frozen=True)
class Dropout(Layer):
    """Inverted dropout: a share `ratio` of the units is silenced, the others grow, the mean stays.

        training:  y = x m / (1 - ratio)      dx = dy m / (1 - ratio)
        test:      y = x

    | symbol | name                                  | shape    |
    |--------|---------------------------------------|----------|
    | x, y   | input, output                         | (N, ...) |
    | m      | mask, 1 with probability 1 - ratio    | (N, ...) |

    The mask is a function of (seed, path, step) alone. The course's dropout multiplies by 1 - ratio at
    test time instead. Source: Srivastava et al. 2014, sec. 10 (inverted form).
    """

    affine: ClassVar[bool] = True
    random: ClassVar[bool] = True

    ratio: float = 0.5

    def __post_init__(self) -> None:
        share(self, ratio=self.ratio)

    def forward(self, cell: Cell, x: Array) -> Array:
        """x (N, ...) -> y (N, ...)."""
        if not cell.training:
            cell.save(None)
            return x
        mask = keep_mask(key(cell.seed, "dropout", cell.path, cell.step), x.shape, self.ratio)
        scaled_mask = mask.astype(x.dtype) / (1 - self.ratio)
        cell.save(scaled_mask)
        return x * scaled_mask

    def backward(self, cell: Cell, dy: Array) -> Array:
        """dy (N, ...) -> dx (N, ...)."""
        (scaled_mask,) = cell.saved
        return dy if scaled_mask is None else dy * scaled_mask

    # ------------------------------------------------------------------------------------ lowering

    def lower(self, build: Builder, x: Handle) -> Handle:
        """One verb."""
        return build.dropout(x, self.ratio)
