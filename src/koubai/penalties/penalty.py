"""Penalty: a term of the error function that acts on weights (never on biases)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from koubai.core.checks import at_least
from koubai.core.params import Array
from koubai.core.registry import Registry

PENALTIES = Registry("penalty")


@dataclass(frozen=True)
class Penalty:
    """Base of all penalties; lambda is the `strength`.

    | symbol | name               | shape |
    |--------|--------------------|-------|
    | w      | one weight tensor  | any   |

    A `proximal` penalty gives no gradient to the optimizer: `shrink` changes the weights after each update.
    """

    registry_name: ClassVar[str] = ""
    proximal: ClassVar[bool] = False
    strength: float = 1e-4

    def __post_init__(self) -> None:
        at_least(self, 0, strength=self.strength)

    def value(self, w: Array) -> float:
        """The term's value for one tensor, summed in float64."""
        raise NotImplementedError

    def gradient(self, w: Array) -> Array:
        """Its gradient, of the shape of w."""
        raise NotImplementedError

    def shrink(self, w: Array, alpha: float) -> None:
        """Change weights in place after an update with the learning rate alpha; only where `proximal`."""
