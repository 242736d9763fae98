"""Gradient check: the slope of the loss along a direction, by backward and by central differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from koubai.core import random
from koubai.core.params import Array
from koubai.losses.loss import Loss
from koubai.network.network import Network, Weights, join

_DIRECTIONS = 3
_STEP = 1e-6
Slopes = tuple[float, float]


def gradient_errors(network: Network, loss: Loss, x: Array, t: Array, seed: int) -> dict[str, float]:
    """Return, for every parameter, |analytic - numerical| / (|analytic| + |numerical|) of its slope.

    Taken in float64, in test mode (no dropout, fixed statistics), along three random directions each; the
    median forgives the one that crosses a kink. Slopes that rounding could make count as right.
    """
    x = x.astype(np.float64)
    t = t if t.dtype.kind in "iu" else t.astype(np.float64)
    weights = _off_the_kinks(network.initialize(seed, "float64"), seed)

    def value(moved: Weights) -> float:
        return loss.value(network.bind(moved).forward(x), t)

    with np.errstate(all="ignore"):
        gradients = _gradients(network, weights, loss, x, t)
        slopes = {
            path: [_slopes(value, weights, path, gradient, trial) for trial in range(_DIRECTIONS)]
            for path, gradient in gradients.items()
        }
    smallest = 1e-7 * max(1.0, abs(value(weights)))
    return {
        path: float(np.median([_error(*pair, smallest) for pair in pairs])) for path, pairs in slopes.items()
    }


def _off_the_kinks(weights: Weights, seed: int) -> Weights:
    """Shake every parameter a little: biases of 0 put dead units exactly on the kink of ReLU."""
    for path, w in weights.params.items():
        noise = random.generator(seed, "off the kinks", path).standard_normal(w.shape)
        weights.params[path] = w + 0.05 * max(float(w.std()), 0.2) * noise
    return weights


def _gradients(network: Network, weights: Weights, loss: Loss, x: Array, t: Array) -> dict[str, Array]:
    root = network.bind(weights.copy(), training=False)
    root.backward(loss.gradient(root.forward(x), t))
    return {join(cell.path, name): cell.grads[name] for cell in root.walk() for name in cell.params}


def _slopes(
    value: Callable[[Weights], float], weights: Weights, path: str, gradient: Array, trial: int
) -> Slopes:
    """Return the analytic and the numerical slope along one direction of length 1."""
    direction = random.generator(trial, "gradient check", path).standard_normal(gradient.shape)
    direction /= np.sqrt((direction**2).sum())
    values = []
    for sign in (1, -1):
        moved = weights.copy()
        moved.params[path] += sign * _STEP * direction
        values.append(value(moved))
    return float((gradient * direction).sum()), (values[0] - values[1]) / (2 * _STEP)


def _error(analytic: float, numerical: float, smallest: float) -> float:
    size = abs(analytic) + abs(numerical)
    return abs(analytic - numerical) / size if np.isfinite(size) and size > smallest else 0.0
