"""Rectifiers: activations with a kink at 0, linear above it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from koubai.core.checks import at_least, share
from koubai.core.layer import LAYERS
from koubai.core.params import Array
from koubai.layers.activations import Activation

_INFINITY = float("inf")


@LAYERS.register
@dataclass(frozen=True)
class ReLU(Activation):
    """f(u) = max(0, u),  f' = 1 for u > 0, else 0 (at the kink 0).

    Its zeros make activations sparse (Nair and Hinton 2010; Glorot, Bordes, Bengio 2011).
    """

    rectifies: ClassVar[bool] = True
    dies: ClassVar[bool] = True
    wants: ClassVar[str] = "he_normal"

    range = (0.0, _INFINITY)
    max_derivative = 1.0

    def value(self, u: Array) -> Array:
        """max(0, u); NaN stays NaN."""
        return np.maximum(u, 0)

    def derivative(self, u: Array, y: Array) -> Array:
        """1 where u > 0."""
        return (u > 0).astype(u.dtype)


@LAYERS.register
@dataclass(frozen=True)
class LeakyReLU(Activation):
    """f(u) = u for u > 0, else slope u;  f' = 1 or slope (at the kink slope). Maas, Hannun, Ng 2013."""

    rectifies: ClassVar[bool] = True
    wants: ClassVar[str] = "he_normal"

    slope: float = 0.01

    range = (-_INFINITY, _INFINITY)
    max_derivative = 1.0

    def __post_init__(self) -> None:
        share(self, slope=self.slope)

    def value(self, u: Array) -> Array:
        """max(u, slope u), as slope < 1."""
        return np.maximum(u, self.slope * u)

    def derivative(self, u: Array, y: Array) -> Array:
        """1 where u > 0, else slope."""
        return np.where(u > 0, u.dtype.type(1), u.dtype.type(self.slope))

    def constants(self) -> dict[str, float]:
        """The slope."""
        return {"slope": self.slope}


@LAYERS.register
@dataclass(frozen=True)
class ELU(Activation):
    """f(u) = u for u > 0, else alpha (e^u - 1);  f' = 1 or y + alpha.

    Source: Clevert, Unterthiner, Hochreiter 2016, eq. (15).
    """

    rectifies: ClassVar[bool] = True
    wants: ClassVar[str] = "he_normal"

    alpha: float = 1.0

    def __post_init__(self) -> None:
        at_least(self, 0, alpha=self.alpha)

    @property
    def range(self) -> tuple[float, float]:
        """From -alpha."""
        return (-self.alpha, _INFINITY)

    @property
    def max_derivative(self) -> float:
        """1, or alpha just below 0."""
        return max(1.0, self.alpha)

    def value(self, u: Array) -> Array:
        """e^u is taken of negative numbers only, so it cannot overflow."""
        return np.where(u > 0, u, self.alpha * np.expm1(np.minimum(u, 0)))

    def derivative(self, u: Array, y: Array) -> Array:
        """1 where u > 0, else y + alpha = alpha e^u."""
        return np.where(u > 0, u.dtype.type(1), y + self.alpha)

    def constants(self) -> dict[str, float]:
        """Alpha."""
        return {"alpha": self.alpha}


@LAYERS.register
@dataclass(frozen=True)
class SELU(Activation):
    """f(u) = lambda u for u > 0, else lambda alpha (e^u - 1);  f' = lambda or y + lambda alpha.

    With weights of variance 1 / n_in it keeps mean 0 and variance 1 from layer to layer; alpha and lambda
    are the solution of that condition (Klambauer et al. 2017, eqs. (2) and (14)).
    """

    rectifies: ClassVar[bool] = True
    wants: ClassVar[str] = "lecun_normal"

    alpha = 1.6732632423543772
    scale = 1.0507009873554805

    range = (-scale * alpha, _INFINITY)
    max_derivative = scale * alpha

    def value(self, u: Array) -> Array:
        """e^u is taken of negative numbers only, so it cannot overflow."""
        return self.scale * np.where(u > 0, u, self.alpha * np.expm1(np.minimum(u, 0)))

    def derivative(self, u: Array, y: Array) -> Array:
        """Lambda where u > 0, else y + lambda alpha = lambda alpha e^u."""
        return np.where(u > 0, u.dtype.type(self.scale), y + self.scale * self.alpha)
