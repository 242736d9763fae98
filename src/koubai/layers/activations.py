"""Activations: functions applied element by element, with their derivatives beside them.

Every class states f(u), f'(u), its range and the maximum of |f'|; the maximum tells how much of a gradient
one layer can pass on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from koubai.core.layer import LAYERS, Cell, Layer
from koubai.core.params import Array
from koubai.core.verbs import Builder, Handle


@dataclass(frozen=True)
class Activation(Layer):
    """y = f(u), dx = dy f'(u); a subclass gives `value` and `derivative`."""

    range: ClassVar[tuple[float, float]]
    max_derivative: ClassVar[float]

    def value(self, u: Array) -> Array:
        """f(u), of the shape of u."""
        raise NotImplementedError

    def derivative(self, u: Array, y: Array) -> Array:
        """f'(u), where y = f(u) may be used; of the shape of u."""
        raise NotImplementedError

    def forward(self, cell: Cell, x: Array) -> Array:
        """y = f(x)."""
        y = self.value(x)
        cell.save(x, y)
        return y

    def backward(self, cell: Cell, dy: Array) -> Array:
        """dx = dy f'(x)."""
        x, y = cell.saved
        return dy * self.derivative(x, y)

    # ------------------------------------------------------------------------------------ lowering

    def constants(self) -> dict[str, float]:
        """The numbers an engine needs besides the function's name."""
        return {}

    def lower(self, build: Builder, x: Handle) -> Handle:
        """One verb."""
        return build.pointwise(x, self.registry_name, **self.constants())


@LAYERS.register
@dataclass(frozen=True)
class Sigmoid(Activation):
    """f(u) = 1 / (1 + e^-u),  f' = f (1 - f).

    >>> float(Sigmoid().derivative(np.zeros(1), Sigmoid().value(np.zeros(1)))[0])
    0.25
    """

    range = (0.0, 1.0)
    max_derivative = 0.25

    def value(self, u: Array) -> Array:
        """Computed as (1 + tanh(u / 2)) / 2, which overflows for no u."""
        return 0.5 * (1 + np.tanh(0.5 * u))

    def derivative(self, u: Array, y: Array) -> Array:
        """y (1 - y)."""
        return y * (1 - y)


@LAYERS.register
@dataclass(frozen=True)
class Tanh(Activation):
    """f(u) = tanh u,  f' = 1 - f^2."""

    range = (-1.0, 1.0)
    max_derivative = 1.0

    def value(self, u: Array) -> Array:
        """tanh u."""
        return np.tanh(u)

    def derivative(self, u: Array, y: Array) -> Array:
        """1 - y^2."""
        return 1 - y * y


@LAYERS.register
@dataclass(frozen=True)
class ReLU(Activation):
    """f(u) = max(0, u),  f' = 1 for u > 0, else 0 (at the kink 0, as in Glorot et al. 2011)."""

    range = (0.0, float("inf"))
    max_derivative = 1.0

    def value(self, u: Array) -> Array:
        """max(0, u); NaN stays NaN."""
        return np.maximum(u, 0)

    def derivative(self, u: Array, y: Array) -> Array:
        """1 where u > 0."""
        return (u > 0).astype(u.dtype)
