"""Optimizer: the update of ONE tensor. Trees, schedules and clipping are handled once, in the engines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from koubai.core.checks import at_least
from koubai.core.params import Array
from koubai.core.registry import Registry

OPTIMIZERS = Registry("optimizer")


@dataclass(frozen=True)
class Optimizer:
    """Base of all optimizers.

    | symbol | name                                          |
    |--------|-----------------------------------------------|
    | w      | parameter, changed in place                   |
    | dw     | its gradient                                  |
    | slots  | tensors of the shape of w, zero at the start  |
    | alpha  | learning rate of this step (schedule applied) |
    | t      | number of the update, from 1                  |

    `adaptive` says of a kind whether the size of its steps is about alpha, whatever the size of the gradient.
    """

    registry_name: ClassVar[str] = ""
    adaptive: ClassVar[bool] = False
    slots: ClassVar[tuple[str, ...]] = ()
    learning_rate: float = 0.01

    def __post_init__(self) -> None:
        at_least(self, 0, learning_rate=self.learning_rate)

    def update(self, w: Array, dw: Array, slots: dict[str, Array], alpha: float, t: int) -> None:
        """Change w and the slots in place."""
        raise NotImplementedError

    def decoupled_decay(self) -> float:
        """Return the decay lambda of w <- (1 - alpha lambda) w, applied to penalized parameters first."""
        return 0.0
