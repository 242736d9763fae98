"""Mean squared error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.core.params import Array
from koubai.losses.loss import LOSSES, Loss, as_values


@LOSSES.register
@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """Mean of the squared errors, over the batch and the outputs.

        E = (1/NK) sum (y - t)^2        dE/dy = 2 (y - t) / (NK)

    | symbol | name                               | shape            |
    |--------|------------------------------------|------------------|
    | y      | outputs                            | (N, K)           |
    | t      | values, or labels (made one-hot)   | (N, K) or (N,)   |

    Many books write E = (1/2N) sum, which is K/2 times this; the minimum is the same.
    Source: Gauss 1809; as a network's error: Rumelhart, Hinton, Williams 1986, eq. (3).
    """

    target = "either"
    cut = 0.5

    def value(self, y: Array, t: Array) -> float:
        """E; 0.0 for an empty batch."""
        y, t = self.fitted(y, t)
        if len(y) == 0:
            return 0.0
        return float(np.square(y - as_values(y, t)).mean(dtype=np.float64))

    def gradient(self, y: Array, t: Array) -> Array:
        """2 (y - t) / (NK)."""
        y, t = self.fitted(y, t)
        return 2 * (y - as_values(y, t)) / max(y.size, 1)
