"""Scatter: how sure a share of right answers is, and a slope among noisy losses."""

from __future__ import annotations

from math import sqrt

import numpy as np

from koubai.core.params import Array


def share_error(share: float, samples: int) -> float:
    """Return the standard error of a share of right answers; near 0 and 1 that of .05 and .95."""
    p = min(max(share, 0.05), 0.95)
    return sqrt(p * (1 - p) / max(samples, 1))


def windows(losses: Array) -> Array:
    """Return the means of the finite losses in 50 windows, fewer of fewer losses."""
    finite = losses[np.isfinite(losses)]
    parts = np.array_split(finite, min(50, len(finite))) if len(finite) else []
    return np.array([part.mean() for part in parts])


def falls(losses: Array) -> float:
    """Return how steeply losses (n,) fall: minus their slope in standard errors; 0: not known."""
    n = len(losses)
    if n < 10 or not np.isfinite(losses).all():
        return 0.0
    steps = np.arange(n) - (n - 1) / 2
    slope = float((steps * losses).sum() / (steps**2).sum())
    rest = losses - losses.mean() - slope * steps
    error = sqrt(float((rest**2).sum()) / (n - 2) / float((steps**2).sum()))
    return -slope / error if error else 0.0
