"""Cross-entropy on probabilities: for a network that ends in Softmax()."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from koubai.core.checks import above
from koubai.core.params import Array
from koubai.losses.loss import LOSSES, Loss


@LOSSES.register
@dataclass(frozen=True)
class CrossEntropy(Loss):
    """Negative logarithm of the probability given to the right class, mean over the batch.

        p = min(max(y, delta), 1 - delta)
        E = -(1/N) sum_n log p[n, t_n]        dE/dy[n, t_n] = -1 / (N p), 0 where y was clipped

    | symbol | name          | shape    |
    |--------|---------------|----------|
    | y      | probabilities | (N, K)   |
    | t      | class labels  | (N,) int |

    A probability that has reached 0 gets no gradient here, unlike in SoftmaxCrossEntropy: prefer that one.
    Source: Bishop 2006, eq. (4.108).
    """

    takes: ClassVar[str] = "probabilities"
    likelihood: ClassVar[str] = "classes"

    delta: float = 1e-7
    cut = 0.5

    def __post_init__(self) -> None:
        above(self, 0, delta=self.delta)

    def value(self, y: Array, t: Array) -> float:
        """E; 0.0 for an empty batch."""
        y, t = self.fitted(y, t)
        if len(y) == 0:
            return 0.0
        chosen = np.clip(y[np.arange(len(t)), t], self.delta, 1 - self.delta)
        return float(-np.log(chosen).mean(dtype=np.float64))

    def gradient(self, y: Array, t: Array) -> Array:
        """-1 / (N p) at the right class, 0 elsewhere."""
        y, t = self.fitted(y, t)
        rows, dy = np.arange(len(t)), np.zeros_like(y)
        chosen = y[rows, t]
        p = np.clip(chosen, self.delta, 1 - self.delta)
        dy[rows, t] = np.where(chosen == p, -1 / (max(len(y), 1) * p), 0)
        return dy
