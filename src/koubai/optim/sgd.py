"""Stochastic gradient descent."""

from __future__ import annotations

from dataclasses import dataclass

from koubai.core.params import Array
from koubai.optim.optimizer import OPTIMIZERS, Optimizer


@OPTIMIZERS.register
@dataclass(frozen=True)
class SGD(Optimizer):
    """w <- w - eps dw (Robbins and Monro 1951).

    On f(x) = (x - a)^2 + b the error shrinks by (1 - 2 eps) a step: it converges iff 0 < eps < 1.
    """

    def update(self, w: Array, dw: Array, slots: dict[str, Array], eps: float, t: int) -> None:
        """One step down the gradient."""
        w -= eps * dw
