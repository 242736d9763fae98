"""Parts as the course's own code has them, kept here so that its numbers can be repeated and explained.

They are not registered: nobody should build with them. They have no lowering, so every engine runs them by
their formula.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.core.layer import Cell, Layer
from koubai.core.params import Array
from koubai.core.random import keep_mask, key
from koubai.layers.activations import Activation, Sigmoid
from koubai.layers.dropout import Dropout
from koubai.layers.flatten import Flatten
from koubai.layers.linear import Linear
from koubai.layers.rectifiers import ReLU
from koubai.layers.sequential import Sequential
from koubai.optim.adagrad import AdaGrad


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


@dataclass(frozen=True)
class CrossedReLU(ReLU):
    """ReLU forward, sigmoid's derivative backward: defect D2, from changing one of the two lines."""

    registry_name = "crossed_relu"

    def derivative(self, u: Array, y: Array) -> Array:
        """s(u) (1 - s(u)), at most .25, where 0 or 1 is right."""
        z = Sigmoid().value(u)
        return z * (1 - z)

    lower = Layer.lower


@dataclass(frozen=True)
class ThetaAdaGrad(AdaGrad):
    """AdaGrad whose h starts at theta and never sees the first gradient: defect D6.

        t = 1:  h <- theta          t > 1:  h <- h + dw^2          w <- w - alpha dw / (sqrt(h) + delta)

    The notes write h0 = theta. With theta = 1e-4, gradients far below .01 are not enlarged as AdaGrad would.
    """

    registry_name = "theta_adagrad"
    theta: float = 1e-4

    def update(self, w: Array, dw: Array, slots: dict[str, Array], alpha: float, t: int) -> None:
        """Start at theta instead of the first square."""
        h = slots["h"]
        h += self.theta if t == 1 else dw * dw
        w -= alpha * dw / (np.sqrt(h) + self.delta)


def mlp_of(hidden: tuple[int, ...], classes: int, activation: Activation) -> Sequential:
    """Return koubai.models.Mlp with an activation that has no name."""
    blocks = [layer for size in hidden for layer in (Linear(size), activation)]
    return Sequential(Flatten(), *blocks, Linear(classes))


def thinned_mlp(hidden: tuple[int, ...], classes: int, ratio: float) -> Sequential:
    """Return koubai.models.Mlp with ReLU and the course's dropout in place of the inverted one."""
    blocks = [layer for size in hidden for layer in (Linear(size), ReLU(), ThinnedDropout(ratio))]
    return Sequential(Flatten(), *blocks, Linear(classes))
