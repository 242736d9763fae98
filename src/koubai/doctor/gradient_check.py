"""Gradient check: the slope of the loss along a direction, by backward and by central differences."""

from __future__ import annotations

import numpy as np

from koubai.core import random
from koubai.core.params import Array
from koubai.losses.loss import Loss
from koubai.network.network import Network, Weights, join

_DIRECTIONS = 3
_STEP = 1e-6


def gradient_errors(network: Network, loss: Loss, x: Array, t: Array, seed: int) -> dict[str, float]:
    """Return, for every parameter, |analytic - numerical| / (|analytic| + |numerical|) of its slope.

    Taken in float64, in test mode (no dropout, fixed statistics), along three random directions each; the
    median forgives the one that crosses a kink. Slopes below 1e-9 of the largest count as right.
    """
    x = x.astype(np.float64)
    t = t if t.dtype.kind in "iu" else t.astype(np.float64)
    weights = network.initialize(seed, "float64")
    with np.errstate(all="ignore"):
        gradients = _gradients(network, weights, loss, x, t)
        slopes = {
            path: [
                _slopes(network, weights, loss, (x, t), path, gradient, trial) for trial in range(_DIRECTIONS)
            ]
            for path, gradient in gradients.items()
        }
    largest = max((abs(s) for pairs in slopes.values() for pair in pairs for s in pair), default=0.0)
    return {
        path: float(np.median([_error(*pair, largest) for pair in pairs])) for path, pairs in slopes.items()
    }


def _gradients(network: Network, weights: Weights, loss: Loss, x: Array, t: Array) -> dict[str, Array]:
    root = network.bind(weights.copy(), training=False)
    root.backward(loss.gradient(root.forward(x), t))
    return {join(cell.path, name): cell.grads[name] for cell in root.walk() for name in cell.params}


def _slopes(
    network: Network,
    weights: Weights,
    loss: Loss,
    batch: tuple[Array, Array],
    path: str,
    gradient: Array,
    trial: int,
) -> tuple[float, float]:
    """Return the analytic and the numerical slope along one direction of length 1."""
    direction = random.generator(trial, "gradient check", path).standard_normal(gradient.shape)
    direction /= np.sqrt((direction**2).sum())
    values = []
    for sign in (1, -1):
        moved = weights.copy()
        moved.params[path] += sign * _STEP * direction
        values.append(loss.value(network.bind(moved, training=False).forward(batch[0]), batch[1]))
    return float((gradient * direction).sum()), (values[0] - values[1]) / (2 * _STEP)


def _error(analytic: float, numerical: float, largest: float) -> float:
    size = abs(analytic) + abs(numerical)
    if not np.isfinite(size) or size < 1e-6 * max(largest, 1e-3):
        return 0.0
    return abs(analytic - numerical) / size
