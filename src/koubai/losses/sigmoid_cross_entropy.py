"""Sigmoid with binary cross-entropy, on logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from koubai.core.params import Array
from koubai.losses.loss import LOSSES, Loss, as_values


@LOSSES.register
@dataclass(frozen=True)
class SigmoidCrossEntropy(Loss):
    """Cross-entropy of the sigmoid of each logit, mean over the batch and the outputs.

        p = 1 / (1 + e^-y)
        E = -(1/NK) sum [t log p + (1 - t) log(1 - p)] = (1/NK) sum [log(1 + e^y) - t y]
        dE/dy = (p - t) / (NK)

    | symbol | name                               | shape            |
    |--------|------------------------------------|------------------|
    | y      | logits                             | (N, K)           |
    | t      | labels (made one-hot), or values   | (N,) or (N, K)   |

    K = 1 is binary, K > 1 with values is multi-label. The second form of E overflows for no y.
    Source: Bishop 2006, eqs. (5.19) to (5.21).
    """

    takes: ClassVar[str] = "logits"
    likelihood: ClassVar[str] = "labels"

    target = "either"

    def value(self, y: Array, t: Array) -> float:
        """E; 0.0 for an empty batch."""
        y, t = self.fitted(y, t)
        if len(y) == 0:
            return 0.0
        return float((np.logaddexp(0, y) - as_values(y, t) * y).mean(dtype=np.float64))

    def gradient(self, y: Array, t: Array) -> Array:
        """(p - t) / (NK), with p = exp(-log(1 + e^-y))."""
        y, t = self.fitted(y, t)
        return (np.exp(-np.logaddexp(0, -y)) - as_values(y, t)) / max(y.size, 1)
