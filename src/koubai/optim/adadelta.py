"""AdaDelta."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from koubai.core.checks import above, share
from koubai.core.params import Array
from koubai.optim.optimizer import OPTIMIZERS, Optimizer


@OPTIMIZERS.register
@dataclass(frozen=True)
class AdaDelta(Optimizer):
    """RMSProp whose step has the unit of w: it is as large as the latest steps were.

        h <- rho h + (1 - rho) dw^2
        step = sqrt(d + delta) / sqrt(h + delta) dw
        d <- rho d + (1 - rho) step^2
        w <- w - alpha step

    | symbol | name                                                        |
    |--------|-------------------------------------------------------------|
    | h      | running mean of squared gradients, from 0                   |
    | d      | running mean of squared steps, from 0                       |
    | rho    | decay, the share of the past that is kept                   |
    | delta  | inside both roots; it sets the size of the very first steps |

    The paper has no learning rate: alpha is 1. As d starts at 0, the first steps are about
    sqrt(delta / (1 - rho)). Source: Zeiler 2012, algorithm 1.
    """

    adaptive: ClassVar[bool] = True
    slots = ("h", "d")
    learning_rate: float = 1.0
    decay: float = 0.95
    delta: float = 1e-6

    def __post_init__(self) -> None:
        super().__post_init__()
        share(self, decay=self.decay)
        above(self, 0, delta=self.delta)

    def update(self, w: Array, dw: Array, slots: dict[str, Array], alpha: float, t: int) -> None:
        """Move the mean of squared gradients, step, move the mean of squared steps."""
        h, d = slots["h"], slots["d"]
        h *= self.decay
        h += (1 - self.decay) * dw * dw
        step = np.sqrt(d + self.delta) / np.sqrt(h + self.delta) * dw
        d *= self.decay
        d += (1 - self.decay) * step * step
        w -= alpha * step
