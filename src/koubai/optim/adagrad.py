"""AdaGrad."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from koubai.core.checks import above
from koubai.core.params import Array
from koubai.optim.optimizer import OPTIMIZERS, Optimizer


@OPTIMIZERS.register
@dataclass(frozen=True)
class AdaGrad(Optimizer):
    """h <- h + dw^2,  w <- w - alpha dw / (sqrt(h) + delta).

    | symbol | name                                               |
    |--------|----------------------------------------------------|
    | h      | sum of all squared gradients, from 0               |
    | delta  | keeps the division finite; outside the root        |

    Every element has its own learning rate, which only ever falls. The first step is about alpha sign(dw).
    Source: Duchi, Hazan, Singer 2011, fig. 1 (diagonal form).
    """

    adaptive: ClassVar[bool] = True

    slots = ("h",)
    delta: float = 1e-7

    def __post_init__(self) -> None:
        super().__post_init__()
        above(self, 0, delta=self.delta)

    def update(self, w: Array, dw: Array, slots: dict[str, Array], alpha: float, t: int) -> None:
        """Add the square, then divide by the root of the sum."""
        h = slots["h"]
        h += dw * dw
        w -= alpha * dw / (np.sqrt(h) + self.delta)
