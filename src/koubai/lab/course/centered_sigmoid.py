"""The sigmoid without its offset, to tell what the offset alone does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from koubai.core.layer import Layer
from koubai.core.params import Array
from koubai.layers.activations import Sigmoid


@dataclass(frozen=True)
class CenteredSigmoid(Sigmoid):
    """f(u) = 1 / (1 + exp(-u)) - 1/2,  f' that of the sigmoid; not registered, run by its formula."""

    gives: ClassVar[str] = "values"

    registry_name = "centered_sigmoid"
    range = (-0.5, 0.5)

    def value(self, u: Array) -> Array:
        """The sigmoid less 1/2."""
        return super().value(u) - 0.5

    def derivative(self, u: Array, y: Array) -> Array:
        """(y + 1/2) (1/2 - y)."""
        return (0.5 + y) * (0.5 - y)

    lower = Layer.lower
