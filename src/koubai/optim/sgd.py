"""Stochastic gradient descent."""

from __future__ import annotations

from dataclasses import dataclass

from koubai.core.params import Array
from koubai.optim.optimizer import OPTIMIZERS, Optimizer


@OPTIMIZERS.register
@dataclass(frozen=True)
class SGD(Optimizer):
    """w <- w - alpha dw (Robbins and Monro 1951).

    On f(x) = (x - a)^2 + b the error shrinks by (1 - 2 alpha) a step, so it converges iff 0 < alpha < 1:
    in one step at .5, and at 1 it jumps from side to side forever.

    >>> import numpy as np
    >>> def errors(alpha, steps=100, a=3.0):
    ...     x = np.array([5.0])
    ...     for t in range(steps):
    ...         SGD().update(x, 2 * (x - a), {}, alpha, t + 1)
    ...     return abs(float(x[0]) - a)
    >>> [errors(alpha) < 1e-6 for alpha in (0.0, 0.1, 0.5, 0.9, 1.0, 1.1)]
    [False, True, True, True, False, False]
    >>> errors(0.5, steps=1), errors(1.0), errors(1.1) > 1e6
    (0.0, 2.0, True)
    """

    def update(self, w: Array, dw: Array, slots: dict[str, Array], alpha: float, t: int) -> None:
        """One step down the gradient."""
        w -= alpha * dw
