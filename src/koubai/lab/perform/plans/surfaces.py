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

    @property
    def saddle(self) -> tuple[float, ...] | None:
        """A point without gradient that is no minimum, if there is one to look at."""
        return None

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


@dataclass(frozen=True)
class Saddle(Surface):
    """f(x, y) = u^2 / 2 + (v^2 - 1)^2 / 4: a saddle at the origin between two minima, v = -1 and v = 1.

    (u, v) is (x, y) turned by `turn` degrees: u = x cos + y sin, v = y cos - x sin. Along u the saddle is a
    valley, along v a ridge.
    """

    registry_name = "saddle"
    turn: float = 0.0

    @property
    def minimum(self) -> tuple[float, ...]:
        """The one at v = 1."""
        return self.place(0.0, 1.0)

    @property
    def saddle(self) -> tuple[float, ...]:
        """The origin."""
        return (0.0, 0.0)

    def place(self, u: float, v: float) -> tuple[float, ...]:
        """Return (x, y) of a point given along and across the valley."""
        return tuple((np.array([u, v]) @ self._axes).tolist())

    @property
    def _axes(self) -> Array:
        """The directions u and v, as rows."""
        angle = np.radians(self.turn)
        cos, sin = np.cos(angle), np.sin(angle)
        return np.array([[cos, sin], [-sin, cos]])

    def value(self, points: Array) -> Array:
        """u^2 / 2 + (v^2 - 1)^2 / 4."""
        uv = points @ self._axes.T
        return np.square(uv[..., 0]) / 2 + np.square(np.square(uv[..., 1]) - 1) / 4

    def gradient(self, point: Array) -> Array:
        """(u, v (v^2 - 1)), turned back."""
        u, v = self._axes @ point
        return np.array([u, v * (v * v - 1)]) @ self._axes


@dataclass(frozen=True)
class Cliff(Surface):
    """f(x) = slope (sqrt(1 + x^2) - 1) + steep max(0, edge - x)^2 / 2: a cliff, then a long gentle slope.

    Right of `edge`, f' is about -slope until the minimum at 0; left of it, f' grows like steep times the way.
    """

    registry_name = "cliff"
    slope: float = 0.5
    steep: float = 20.0
    edge: float = -8.0

    @property
    def minimum(self) -> tuple[float, ...]:
        """(0,)."""
        return (0.0,)

    def value(self, points: Array) -> Array:
        """Slope (sqrt(1 + x^2) - 1) + steep max(0, edge - x)^2 / 2."""
        x = points[..., 0]
        return (
            self.slope * (np.sqrt(1 + x * x) - 1) + self.steep * np.square(np.maximum(0, self.edge - x)) / 2
        )

    def gradient(self, point: Array) -> Array:
        """Slope x / sqrt(1 + x^2) - steep max(0, edge - x)."""
        return self.slope * point / np.sqrt(1 + point * point) - self.steep * np.maximum(0, self.edge - point)


@dataclass(frozen=True)
class TwoMinima(Surface):
    """f(x) = x^4 / 4 - x^2 / 2 - tilt x,  f' = x^3 - x - tilt: two minima, the right one deeper.

    0 < tilt < 2 / sqrt(27) = .385; beyond, only one is left.
    """

    registry_name = "two_minima"
    tilt: float = 0.2

    @property
    def minimum(self) -> tuple[float, ...]:
        """The right one."""
        return (float(self._flat[2]),)

    @property
    def top(self) -> float:
        """The highest point between the two minima."""
        return float(self._flat[1])

    @property
    def _flat(self) -> Array:
        """Where the gradient is 0, from left to right."""
        return np.sort(np.roots([1, 0, -1, -self.tilt]).real)

    def value(self, points: Array) -> Array:
        """x^4 / 4 - x^2 / 2 - tilt x."""
        x = points[..., 0]
        return x**4 / 4 - x**2 / 2 - self.tilt * x

    def gradient(self, point: Array) -> Array:
        """x^3 - x - tilt."""
        return point**3 - point - self.tilt
