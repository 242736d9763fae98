"""Layers as the course's own code has them, kept here so that its numbers can be repeated and explained.

They are not registered: nobody should build with them. Each has a lowering only where its right twin's
verb does the same, so the fast engine runs the others by their formula.
"""

from __future__ import annotations

from dataclasses import dataclass

from koubai.core.layer import Cell, Layer
from koubai.core.params import Array
from koubai.core.random import keep_mask, key
from koubai.layers.activations import Sigmoid
from koubai.layers.dropout import Dropout
from koubai.layers.flatten import Flatten
from koubai.layers.linear import Linear
from koubai.layers.rectifiers import ReLU
from koubai.layers.sequential import Sequential


@dataclass(frozen=True)
class ThinnedDropout(Dropout):
    """The course's dropout: nothing grows while training, everything shrinks at test time.

        training:  y = x m          dx = dy m
        test:      y = (1 - ratio) x

    As a function it is the inverted form with every following weight 1 - ratio times as large; trained, it
    differs, as each such layer also scales the gradients behind it by 1 - ratio.
    Source: Srivastava et al. 2014, sec. 4 (original form).
    """

    registry_name = "thinned_dropout"

    def forward(self, cell: Cell, x: Array) -> Array:
        """X (N, ...) -> y (N, ...)."""
        if not cell.training:
            return x * (1 - self.ratio)
        mask = keep_mask(key(cell.seed, "dropout", cell.path, cell.step), x.shape, self.ratio)
        cell.save(mask.astype(x.dtype))
        return x * cell.saved[0]

    def backward(self, cell: Cell, dy: Array) -> Array:
        """Dy (N, ...) -> dx (N, ...)."""
        (mask,) = cell.saved
        return dy * mask

    lower = Layer.lower


@dataclass(frozen=True)
class ActivatedSigmoid(Sigmoid):
    """Sigmoid whose derivative is taken at the activated value z instead of at u: defect D1.

    It multiplies by s(z) (1 - s(z)) with z = s(u) in (0, 1): always between .197 and .25, whatever u.
    """

    registry_name = "activated_sigmoid"

    def derivative(self, u: Array, y: Array) -> Array:
        """s'(y), where s'(u) is right."""
        again = self.value(y)
        return again * (1 - again)

    lower = Layer.lower


def thinned_mlp(hidden: tuple[int, ...], classes: int, ratio: float) -> Sequential:
    """Return koubai.models.Mlp with ReLU and the course's dropout in place of the inverted one."""
    blocks = [layer for size in hidden for layer in (Linear(size), ReLU(), ThinnedDropout(ratio))]
    return Sequential(Flatten(), *blocks, Linear(classes))
