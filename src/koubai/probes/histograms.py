"""Histograms of activations: how the outputs of every layer spread on a fixed batch of samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from koubai.core.blas_threads import blas_threads
from koubai.core.params import Array
from koubai.network.network import Network, Weights

_TAIL = 0.001  # share of values on either side that does not decide the range of the bins


@dataclass(frozen=True, eq=False)
class Histogram:
    """Shares of one layer's activations at several moments of one run, in the same bins.

    | field     | shape  | meaning                                                                    |
    |-----------|--------|----------------------------------------------------------------------------|
    | edges     | (B+1,) | borders of the bins; the first and the last bin hold what lies beyond      |
    | shares    | (S, B) | share of the finite values in each bin, for each of S states of the weights |
    | zeros     | (S,)   | share of exact zeros among all values                                      |
    | nonfinite | (S,)   | share of NaN and infinities among all values                               |
    """

    edges: Array
    shares: Array
    zeros: Array
    nonfinite: Array


def activations(network: Network, weights: Weights, x: Array) -> dict[str, Array]:
    """Return the output of every leaf layer at test time for inputs x (n, ...), by path.

    Computed by the reference formulas, whatever engine trained the weights.
    """
    root = network.bind(weights, training=False)
    taps: dict[tuple[str, str], Array] = {}
    for cell in root.walk():
        cell.taps = taps
    # weights that diverged are shown as such
    with blas_threads(1), np.errstate(over="ignore", invalid="ignore"):
        root.forward(x)
    return {path: y for (path, role), y in taps.items() if role == "activation"}


def histogram(states: Sequence[Array], bins: int = 50) -> Histogram:
    """Count the values of one tensor at several moments in common bins."""
    values = [state.ravel().astype(np.float64) for state in states]
    finite = [state[np.isfinite(state)] for state in values]
    edges = _edges(np.concatenate(finite) if finite else np.zeros(0), bins)
    shares = [
        np.histogram(state.clip(edges[0], edges[-1]), edges)[0] / max(state.size, 1) for state in finite
    ]
    return Histogram(
        edges=edges,
        shares=np.array(shares),
        zeros=np.array([(state == 0).mean() if state.size else 0.0 for state in values]),
        nonfinite=np.array([(~np.isfinite(state)).mean() if state.size else 0.0 for state in values]),
    )


def _edges(values: Array, bins: int) -> Array:
    """Return bins over all but the outermost values; a constant gets a range of width 1 about it."""
    if values.size == 0:
        return np.linspace(-0.5, 0.5, bins + 1)
    low, high = np.quantile(values, [_TAIL, 1 - _TAIL])
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, bins + 1)


def activation_histograms(
    network: Network, states: Sequence[Weights], x: Array, *, bins: int = 50
) -> dict[str, Histogram]:
    """Return the histogram of every leaf layer's output on x (n, ...), by path in forward order.

    `states` are weights at several moments, for instance before and after training.
    """
    outputs = [activations(network, weights, x) for weights in states]
    return {path: histogram([output[path] for output in outputs], bins) for path in outputs[0]}
