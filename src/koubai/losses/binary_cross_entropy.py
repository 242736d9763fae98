"""Binary cross-entropy on probabilities: for a network that ends in Sigmoid()."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from koubai.core.checks import above
from koubai.core.params import Array
from koubai.losses.loss import LOSSES, Loss, as_values


@LOSSES.register
@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """Cross-entropy of independent yes-or-no outputs, mean over the batch and the outputs.

        p = min(max(y, delta), 1 - delta)
        E = -(1/NK) sum [t log p + (1 - t) log(1 - p)]
        dE/dy = (p - t) / (NK p (1 - p)), 0 where y was clipped

    | symbol | name                               | shape            |
    |--------|------------------------------------|------------------|
    | y      | probabilities                      | (N, K)           |
    | t      | labels (made one-hot), or values   | (N,) or (N, K)   |

    A sure and wrong output that was clipped gets no gradient: prefer SigmoidCrossEntropy on logits.
    Source: Bishop 2006, eq. (5.21).
    """

    takes: ClassVar[str] = "probabilities"
    likelihood: ClassVar[str] = "labels"

    delta: float = 1e-7
    target = "either"
    cut = 0.5

    def __post_init__(self) -> None:
        above(self, 0, delta=self.delta)

    def value(self, y: Array, t: Array) -> float:
        """E; 0.0 for an empty batch."""
        y, t = self.fitted(y, t)
        if len(y) == 0:
            return 0.0
        p, t = np.clip(y, self.delta, 1 - self.delta), as_values(y, t)
        return float(-(t * np.log(p) + (1 - t) * np.log1p(-p)).mean(dtype=np.float64))

    def gradient(self, y: Array, t: Array) -> Array:
        """(p - t) / (NK p (1 - p))."""
        y, t = self.fitted(y, t)
        p, t = np.clip(y, self.delta, 1 - self.delta), as_values(y, t)
        return np.where(y == p, (p - t) / (max(y.size, 1) * p * (1 - p)), 0)
