"""Penalty: a term of the error function that acts on weights (never on biases)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from koubai.core.params import Array
from koubai.core.registry import Registry

PENALTIES = Registry("penalty")


@dataclass(frozen=True)
class Penalty:
    """Base of all penalties."""

    registry_name: ClassVar[str] = ""

    def value(self, w: Array) -> float:
        """The term's value for one tensor."""
        raise NotImplementedError

    def gradient(self, w: Array) -> Array:
        """Its gradient, of the shape of w."""
        raise NotImplementedError


@PENALTIES.register
@dataclass(frozen=True)
class L2(Penalty):
    """(lambda / 2) sum w^2, gradient lambda w (Hoerl and Kennard 1970)."""

    strength: float = 1e-4

    def value(self, w: Array) -> float:
        """(lambda / 2) sum w^2."""
        return float(0.5 * self.strength * (w.astype("float64") ** 2).sum())

    def gradient(self, w: Array) -> Array:
        """Lambda w."""
        return self.strength * w
