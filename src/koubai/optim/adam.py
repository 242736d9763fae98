"""Adam."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

import numpy as np

from koubai.core.checks import above, share
from koubai.core.params import Array
from koubai.optim.optimizer import OPTIMIZERS, Optimizer


@OPTIMIZERS.register
@dataclass(frozen=True)
class Adam(Optimizer):
    """Momentum and RMSProp together, both corrected for their start at 0.

        m <- beta1 m + (1 - beta1) dw            m_hat = m / (1 - beta1^t)
        v <- beta2 v + (1 - beta2) dw^2          v_hat = v / (1 - beta2^t)
        w <- w - alpha m_hat / (sqrt(v_hat) + delta)

    | symbol       | name                                          |
    |--------------|-----------------------------------------------|
    | m            | running mean of gradients, from 0             |
    | v            | running mean of squared gradients, from 0     |
    | beta1, beta2 | shares of the past that are kept              |
    | delta        | keeps the division finite; outside the root   |

    The first step is about alpha sign(dw) whatever the size of the gradient.
    Source: Kingma and Ba 2015, algorithm 1.
    """

    adaptive: ClassVar[bool] = True
    slots: ClassVar[tuple[str, ...]] = ("m", "v")
    learning_rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    delta: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        share(self, beta1=self.beta1, beta2=self.beta2)
        above(self, 0, delta=self.delta)

    def move(self, dw: Array, slots: dict[str, Array]) -> tuple[Array, Array]:
        """Move both means towards dw and its square, in place; return m and v."""
        m, v = slots["m"], slots["v"]
        m *= self.beta1
        m += (1 - self.beta1) * dw
        v *= self.beta2
        v += (1 - self.beta2) * dw * dw
        return m, v

    def update(self, w: Array, dw: Array, slots: dict[str, Array], alpha: float, t: int) -> None:
        """Move both means, correct them, step."""
        m, v = self.move(dw, slots)
        root = np.sqrt(v) / sqrt(1 - self.beta2**t)
        w -= alpha / (1 - self.beta1**t) * m / (root + self.delta)
