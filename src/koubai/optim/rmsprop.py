"""RMSProp."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from koubai.core.checks import above, share
from koubai.core.params import Array
from koubai.optim.optimizer import OPTIMIZERS, Optimizer


@OPTIMIZERS.register
@dataclass(frozen=True)
class RMSProp(Optimizer):
    """h <- rho h + (1 - rho) dw^2,  w <- w - alpha dw / (sqrt(h) + delta).

    | symbol | name                                               |
    |--------|----------------------------------------------------|
    | h      | running mean of squared gradients, from 0          |
    | rho    | decay, the share of the past that is kept          |
    | delta  | keeps the division finite; outside the root        |

    AdaGrad that forgets. As h starts at 0 the first step is about alpha / sqrt(1 - rho): ten times alpha at
    rho = .99. Source: Tieleman and Hinton 2012, lecture 6.5.
    """

    adaptive: ClassVar[bool] = True

    slots = ("h",)
    decay: float = 0.99
    delta: float = 1e-7

    def __post_init__(self) -> None:
        super().__post_init__()
        share(self, decay=self.decay)
        above(self, 0, delta=self.delta)

    def update(self, w: Array, dw: Array, slots: dict[str, Array], alpha: float, t: int) -> None:
        """Move the mean of squares, then divide by its root."""
        h = slots["h"]
        h *= self.decay
        h += (1 - self.decay) * dw * dw
        w -= alpha * dw / (np.sqrt(h) + self.delta)
