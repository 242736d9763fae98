"""Softmax with cross-entropy, on logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from koubai.core.checks import share
from koubai.core.params import Array
from koubai.losses.loss import LOSSES, Loss


@LOSSES.register
@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """Cross-entropy of the softmax of the logits, mean over the batch.

        p = exp(y - max y) / sum exp(y - max y)
        E = -(1/N) sum_n sum_k q_nk log p_nk        dE/dy = (p - q) / N
        q = (1 - s) onehot(t) + s / K

    | symbol | name            | shape     |
    |--------|-----------------|-----------|
    | y      | logits          | (N, K)    |
    | t      | class labels    | (N,) int  |
    | q      | smoothed target | (N, K)    |
    | s      | smoothing       | in [0, 1) |

    Source: Bridle 1990; label smoothing: Szegedy et al. 2016, sec. 7.
    """

    takes: ClassVar[str] = "logits"
    likelihood: ClassVar[str] = "classes"

    smoothing: float = 0.0

    def __post_init__(self) -> None:
        share(self, smoothing=self.smoothing)

    def _log_p(self, y: Array) -> Array:
        columns = np.ascontiguousarray(y.T)  # NumPy finds the largest of K columns far faster than of N rows
        shifted = y - columns.max(axis=0)[:, np.newaxis]
        return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))

    def _q(self, y: Array, t: Array) -> Array:
        q = np.full_like(y, self.smoothing / y.shape[1])
        q[np.arange(len(t)), t] += 1 - self.smoothing
        return q

    def value(self, y: Array, t: Array) -> float:
        """E; 0.0 for an empty batch."""
        y, t = self.fitted(y, t)
        if len(y) == 0:
            return 0.0
        log_p = self._log_p(y)
        if self.smoothing == 0:  # q log p would be 0 * inf where p = 0
            return float(-log_p[np.arange(len(t)), t].mean(dtype=np.float64))
        return float(-(self._q(y, t) * log_p).sum(dtype=np.float64) / len(y))

    def gradient(self, y: Array, t: Array) -> Array:
        """(p - q) / N."""
        y, t = self.fitted(y, t)
        return (np.exp(self._log_p(y)) - self._q(y, t)) / max(len(y), 1)
