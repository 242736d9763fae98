"""RAdam."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from koubai.core.params import Array
from koubai.optim.adam import Adam
from koubai.optim.optimizer import OPTIMIZERS

_ENOUGH = 5.0  # of rho_t; the paper's bound is 4, its authors' program and PyTorch take 5


@OPTIMIZERS.register
@dataclass(frozen=True)
class RAdam(Adam):
    """Adam that waits with its division until it has seen enough gradients: a warm-up without a setting.

        rho = 2 / (1 - beta2) - 1            rho_t = rho - 2 t beta2^t / (1 - beta2^t)
        r_t = sqrt((rho_t - 4) (rho_t - 2) rho / ((rho - 4) (rho - 2) rho_t))
        w <- w - alpha m_hat r_t sqrt(1 - beta2^t) / (sqrt(v) + delta)    if rho_t > 5
        w <- w - alpha m_hat                                              else

    | symbol | name                                                                |
    |--------|---------------------------------------------------------------------|
    | rho_t  | how many gradients v is a mean of, at update t; in the end rho      |
    | r_t    | how far the division can be trusted: it grows from 0 towards 1      |

    m, m_hat and v are Adam's. With beta2 = .999 the first five updates are those of momentum alone.
    Source: Liu et al. 2020, algorithm 2.
    """

    def rectification(self, t: int) -> float:
        """r_t sqrt(1 - beta2^t), 0 as long as rho_t is at most 5.

        >>> [round(RAdam().rectification(t), 6) for t in (5, 6, 100, 10_000)]
        [0.0, 0.001998, 0.066443, 0.999751]
        """
        rho = 2 / (1 - self.beta2) - 1
        past = self.beta2**t
        rho_t = rho - 2 * t * past / (1 - past)
        if rho_t <= _ENOUGH:
            return 0.0
        r_squared = (rho_t - 4) * (rho_t - 2) * rho / ((rho - 4) * (rho - 2) * rho_t)
        return sqrt(r_squared * (1 - past))

    def update(self, w: Array, dw: Array, slots: dict[str, Array], alpha: float, t: int) -> None:
        """Move both means; divide when rho_t allows it."""
        m, v = self.move(dw, slots)
        step = alpha / (1 - self.beta1**t) * m
        factor = self.rectification(t)
        w -= step * (factor / (np.sqrt(v) + self.delta)) if factor else step
