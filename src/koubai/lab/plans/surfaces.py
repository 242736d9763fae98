"""Functions to descend on, with their gradients beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from koubai.core.params import Array


@dataclass(frozen=True)
class Surface:
    """Base of all surfaces: f of points (..., D) and its gradient; `minimum` is where f is smallest."""

    registry_name: ClassVar[str] = ""

    @property
    def minimum(self) -> tuple[float, ...]:
        """The point of the smallest value."""
        raise NotImplementedError

    def value(self, points: Array) -> Array:
        """f: (..., D) -> (...)."""
        raise NotImplementedError

    def gradient(self, point: Array) -> Array:
        """df/dx: (D,) -> (D,)."""
        raise NotImplementedError


@dataclass(frozen=True)
class Parabola(Surface):
    """f(x) = (x - a)^2 + b,  f' = 2 (x - a)."""

    registry_name = "parabola"
    a: float = 0.0
    b: float = 0.0

    @property
    def minimum(self) -> tuple[float, ...]:
        """(a,)."""
        return (self.a,)

    def value(self, points: Array) -> Array:
        """(x - a)^2 + b."""
        return np.square(points[..., 0] - self.a) + self.b

    def gradient(self, point: Array) -> Array:
        """2 (x - a)."""
        return 2 * (point - self.a)


@dataclass(frozen=True)
class Valley(Surface):
    """f(x, y) = x^2 / flatness + y^2: flat along x, steep along y."""

    registry_name = "valley"
    flatness: float = 20.0

    @property
    def minimum(self) -> tuple[float, ...]:
        """The origin."""
        return (0.0, 0.0)

    def value(self, points: Array) -> Array:
        """x^2 / flatness + y^2."""
        return np.square(points[..., 0]) / self.flatness + np.square(points[..., 1])

    def gradient(self, point: Array) -> Array:
        """(2 x / flatness, 2 y)."""
        return np.array([2 * point[0] / self.flatness, 2 * point[1]])
