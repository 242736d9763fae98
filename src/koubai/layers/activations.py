"""Activations: functions applied element by element, with their derivatives beside them.

Every class states f(u), f'(u), its range and the maximum of |f'|; the maximum tells how much of a gradient
one layer can pass on. Here: the base and the classical functions; rectifiers and their smooth relatives
have files of their own.

| symbol | name                      | shape    |
|--------|---------------------------|----------|
| u      | input of the function     | any      |
| y      | f(u)                      | that of u|
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

import numpy as np

from koubai.core.layer import LAYERS, Cell, Layer
from koubai.core.params import Array
from koubai.core.verbs import Builder, Handle


@dataclass(frozen=True)
class Activation(Layer):
    """y = f(u), dx = dy f'(u); a subclass gives `value` and `derivative`.

    Besides the traits of every layer:

    | trait     | meaning                                                                           |
    |-----------|-----------------------------------------------------------------------------------|
    | rectifies | about u far above 0, and bounded below it                                         |
    | dies      | f' = 0 on a whole half-line: a unit may stay there for every sample               |
    | wants     | name of the initializer that keeps the size of a signal through this function     |
    """

    rectifies: ClassVar[bool] = False
    dies: ClassVar[bool] = False
    wants: ClassVar[str] = "glorot_normal"

    @property
    def saturates(self) -> bool:
        """Whether f' approaches 0 on both sides: f is bounded, and is no constant between."""
        low, high = self.range
        return isfinite(low) and isfinite(high) and self.max_derivative > 0

    @property
    def range(self) -> tuple[float, float]:
        """Infimum and supremum of f."""
        raise NotImplementedError

    @property
    def max_derivative(self) -> float:
        """Supremum of |f'|."""
        raise NotImplementedError

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
class Identity(Activation):
    """f(u) = u,  f' = 1."""

    affine: ClassVar[bool] = True

    range = (-float("inf"), float("inf"))
    max_derivative = 1.0

    def value(self, u: Array) -> Array:
        """The input itself."""
        return u

    def derivative(self, u: Array, y: Array) -> Array:
        """1."""
        return np.ones_like(u)


@LAYERS.register
@dataclass(frozen=True)
class Step(Activation):
    """f(u) = 1 for u >= 0, else 0;  f' = 0 (at the jump too), so nothing before it can learn by gradient.

    Source: Rosenblatt 1958, the perceptron. NaN stays NaN.

    >>> Step().value(np.array([-2.0, 0.0, 3.0]))
    array([0., 1., 1.])
    """

    range = (0.0, 1.0)
    max_derivative = 0.0

    def value(self, u: Array) -> Array:
        """1 where u >= 0."""
        return np.where(np.isnan(u), u, np.heaviside(u, 1))

    def derivative(self, u: Array, y: Array) -> Array:
        """0."""
        return np.zeros_like(u)


@LAYERS.register
@dataclass(frozen=True)
class Sigmoid(Activation):
    """f(u) = 1 / (1 + e^-u),  f' = f (1 - f).

    The maximum of f' is f'(0) = .25, the root of vanishing gradients:

    >>> u = np.linspace(-8, 8, 1601)
    >>> slope = Sigmoid().derivative(u, Sigmoid().value(u))
    >>> float(slope.max()), round(float(u[slope.argmax()]), 9), bool(slope.min() > 0)
    (0.25, 0.0, True)
    """

    gives: ClassVar[str] = "probabilities"

    range = (0.0, 1.0)
    max_derivative = 0.25

    def value(self, u: Array) -> Array:
        """Written with e = e^-|u|, which overflows for no u and keeps the digits of small values."""
        e = np.exp(-np.abs(u))
        return np.where(u < 0, e, 1) / (1 + e)

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
class Exponential(Activation):
    """f(u) = e^u,  f' = f: nothing bounds it, and a few layers of it explode. Overflow is inf."""

    range = (0.0, float("inf"))
    max_derivative = float("inf")

    def value(self, u: Array) -> Array:
        """e^u."""
        with np.errstate(over="ignore"):
            return np.exp(u)

    def derivative(self, u: Array, y: Array) -> Array:
        """Y."""
        return y
