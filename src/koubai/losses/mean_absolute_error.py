"""Mean absolute error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.core.params import Array
from koubai.losses.loss import LOSSES, Loss, as_values


@LOSSES.register
@dataclass(frozen=True)
class MeanAbsoluteError(Loss):
    """Mean of the absolute errors, over the batch and the outputs.

        E = (1/NK) sum |y - t|        dE/dy = sign(y - t) / (NK), 0 at y = t

    | symbol | name                               | shape            |
    |--------|------------------------------------|------------------|
    | y      | outputs                            | (N, K)           |
    | t      | values, or labels (made one-hot)   | (N, K) or (N,)   |

    Its minimum is the median where that of the squared error is the mean; the size of its gradient does
    not shrink near the minimum. Source: Laplace 1774; Bishop 2006, sec. 1.5.5.
    """

    target = "either"
    cut = 0.5

    def value(self, y: Array, t: Array) -> float:
        """E; 0.0 for an empty batch."""
        y, t = self.fitted(y, t)
        if len(y) == 0:
            return 0.0
        return float(np.abs(y - as_values(y, t)).mean(dtype=np.float64))

    def gradient(self, y: Array, t: Array) -> Array:
        """sign(y - t) / (NK)."""
        y, t = self.fitted(y, t)
        return np.sign(y - as_values(y, t)) / max(y.size, 1)
