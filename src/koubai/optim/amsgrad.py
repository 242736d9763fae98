"""AMSGrad."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

import numpy as np

from koubai.core.params import Array
from koubai.optim.adam import Adam
from koubai.optim.optimizer import OPTIMIZERS


@OPTIMIZERS.register
@dataclass(frozen=True)
class AMSGrad(Adam):
    """Adam whose divisor never shrinks: it takes the largest mean of squares so far.

        m <- beta1 m + (1 - beta1) dw            m_hat = m / (1 - beta1^t)
        v <- beta2 v + (1 - beta2) dw^2
        top <- max(top, v)                       top_hat = top / (1 - beta2^t)
        w <- w - alpha m_hat / (sqrt(top_hat) + delta)

    | symbol | name                         |
    |--------|------------------------------|
    | top    | the largest v so far, from 0 |

    Adam forgets rare large gradients, and there are convex problems on which it does not converge for
    that reason. Source: Reddi, Kale, Kumar 2018, algorithm 2; the corrections for the start at 0, which
    the paper leaves out, are Adam's (as in PyTorch).
    """

    slots: ClassVar[tuple[str, ...]] = ("m", "v", "top")

    def update(self, w: Array, dw: Array, slots: dict[str, Array], alpha: float, t: int) -> None:
        """Move both means, keep the largest, step."""
        (m, v), top = self.move(dw, slots), slots["top"]
        np.maximum(top, v, out=top)
        root = np.sqrt(top) / sqrt(1 - self.beta2**t)
        w -= alpha / (1 - self.beta1**t) * m / (root + self.delta)
