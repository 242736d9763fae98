"""Skill: how well outputs answer targets, on one scale for every loss, so that runs can be compared.

    classes: share of right answers                       values: R^2 = 1 - sum (y - t)^2 / sum (t - mean t)^2

A network that learned nothing has the share of the largest class, or 0. A loss is no such scale: two losses
cannot be compared, and the loss of a wrongly chosen loss function is the very thing in doubt.
"""

from __future__ import annotations

import numpy as np

from koubai.core.params import Array


def skill(y: Array, t: Array, takes: str = "values") -> float:
    """Return the skill of outputs y (N, K) for targets t, (N,) int classes or (N, K) values.

    `takes` is what the loss takes (see LossFacts): one output for two classes says class 1 above 0 for
    logits, else above 1/2; logits of values become probabilities,
    and so do logarithms of these. NaN if an output is not finite.
    """
    y = np.asarray(y, dtype=np.float64).reshape(len(t), -1)
    if not len(y) or not np.isfinite(y).all():
        return float("nan")
    logits = takes == "logits"
    if t.dtype.kind in "iub":
        return float((answers(y, takes) == t.reshape(-1)).mean())
    t = np.asarray(t, dtype=np.float64).reshape(len(t), -1)
    if logits:
        y = 0.5 * (1 + np.tanh(0.5 * y))
    if takes == "log_probabilities":
        with np.errstate(over="ignore"):
            y = np.exp(y)
    spread = float(((t - t.mean(axis=0)) ** 2).sum())
    return 1 - float(((y - t) ** 2).sum()) / spread if spread else float("nan")


def answers(y: Array, takes: str) -> Array:
    """Return the class that outputs (N, K) name; a single output is that of class 1."""
    if y.shape[1] == 1:
        return (y[:, 0] > (0.0 if takes == "logits" else 0.5)).astype(np.int64)
    named: Array = y.argmax(axis=1)
    return named
