"""Gradient descent with Nesterov's momentum."""

from __future__ import annotations

from dataclasses import dataclass

from koubai.core.params import Array
from koubai.optim.momentum import Momentum
from koubai.optim.optimizer import OPTIMIZERS


@OPTIMIZERS.register
@dataclass(frozen=True)
class Nesterov(Momentum):
    """v <- mu v - alpha dw,  w <- w + mu v - alpha dw.

    | symbol | name                     |
    |--------|--------------------------|
    | v      | velocity, from 0         |
    | mu     | momentum, a share kept   |

    The gradient is wanted where the velocity is about to lead. So w here stands for the point ahead,
    w + mu v of the textbook form, and dw is taken at it (Bengio, Boulanger-Lewandowski, Pascanu 2013,
    eqs. (5) to (7)). Sources: Nesterov 1983; Sutskever et al. 2013, eqs. (3) and (4).
    """

    def update(self, w: Array, dw: Array, slots: dict[str, Array], alpha: float, t: int) -> None:
        """As Momentum, and one more step ahead along the new velocity."""
        v = slots["v"]
        v *= self.momentum
        v -= alpha * dw
        w += self.momentum * v - alpha * dw
