"""Smooth relatives of ReLU: about 0 far below zero, about u far above."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt
from typing import ClassVar

import numpy as np

from koubai.core.layer import LAYERS
from koubai.core.params import Array
from koubai.layers.activations import Activation, Sigmoid

_INFINITY = float("inf")


@LAYERS.register
@dataclass(frozen=True)
class GELU(Activation):
    """f(u) = u Phi(u),  f' = Phi(u) + u phi(u), with the normal distribution Phi and its density phi.

    Exact, not the tanh approximation. f' is largest, 1.1289, at u = sqrt(2).
    Source: Hendrycks and Gimpel 2016, sec. 2.
    """

    rectifies: ClassVar[bool] = True
    wants: ClassVar[str] = "he_normal"

    range = (-0.16997120747990363, _INFINITY)
    max_derivative = 1.128904145185155

    def value(self, u: Array) -> Array:
        """u Phi(u)."""
        return u * _normal_distribution(u)

    def derivative(self, u: Array, y: Array) -> Array:
        """Phi(u) + u phi(u); the square is bounded, as phi(40) is 0 in float64."""
        density = np.exp(-0.5 * np.square(np.clip(u, -40, 40))) / sqrt(2 * pi)
        return _normal_distribution(u) + u * density


def _normal_distribution(u: Array) -> Array:
    """Phi(u) = (1 + erf(u / sqrt 2)) / 2, without the cancellation at u << 0."""
    from scipy.special import ndtr

    return ndtr(u)


@LAYERS.register
@dataclass(frozen=True)
class SiLU(Activation):
    """f(u) = u s(u),  f' = s (1 + u (1 - s)), with the sigmoid s; also called swish.

    f' is largest, 1.0998, at u = 2.3994. Source: Elfwing, Uchibe, Doya 2018, eqs. (6) and (8).
    """

    rectifies: ClassVar[bool] = True
    wants: ClassVar[str] = "he_normal"

    range = (-0.2784645427610738, _INFINITY)
    max_derivative = 1.099839320128867

    def value(self, u: Array) -> Array:
        """u s(u)."""
        return u * Sigmoid().value(u)

    def derivative(self, u: Array, y: Array) -> Array:
        """s (1 + u (1 - s)), written s + y (1 - s)."""
        s = Sigmoid().value(u)
        return s + y * (1 - s)


@LAYERS.register
@dataclass(frozen=True)
class Softplus(Activation):
    """f(u) = log(1 + e^u),  f' = sigmoid(u). Dugas et al. 2001; Glorot, Bordes, Bengio 2011."""

    rectifies: ClassVar[bool] = True
    wants: ClassVar[str] = "he_normal"

    range = (0.0, _INFINITY)
    max_derivative = 1.0

    def value(self, u: Array) -> Array:
        """max(u, 0) + log(1 + e^-|u|), which overflows for no u."""
        return np.maximum(u, 0) + np.log1p(np.exp(-np.abs(u)))

    def derivative(self, u: Array, y: Array) -> Array:
        """sigmoid(u)."""
        return Sigmoid().value(u)
