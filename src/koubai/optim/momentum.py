"""Gradient descent with momentum."""

from __future__ import annotations

from dataclasses import dataclass

from koubai.core.checks import share
from koubai.core.params import Array
from koubai.optim.optimizer import OPTIMIZERS, Optimizer


@OPTIMIZERS.register
@dataclass(frozen=True)
class Momentum(Optimizer):
    """v <- mu v - alpha dw,  w <- w + v (Polyak 1964).

    | symbol | name                     |
    |--------|--------------------------|
    | v      | velocity, from 0         |
    | mu     | momentum, a share kept   |

    Under a steady gradient v grows to -alpha dw / (1 - mu). PyTorch keeps v / alpha instead: the same path
    for a constant alpha, another one where a schedule changes it.
    """

    slots = ("v",)
    momentum: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        share(self, momentum=self.momentum)

    def update(self, w: Array, dw: Array, slots: dict[str, Array], alpha: float, t: int) -> None:
        """The velocity forgets a little, takes the gradient in, and moves w."""
        v = slots["v"]
        v *= self.momentum
        v -= alpha * dw
        w += v
