"""Sizes of gradients layer by layer, read from a history."""

from __future__ import annotations

import numpy as np

from koubai.probes.history import History

QUANTITY = "gradient_norm"


def by_layer(history: History) -> dict[str, float]:
    """Return the geometric mean over all tapped steps of each weight's gradient norm, in forward order.

    Zeros cannot enter a geometric mean: a weight whose gradient was zero at every tap has norm 0, and taps
    at which it was zero are otherwise left out. Biases are left out too.
    """
    sizes = {}
    for path in history.paths(QUANTITY):
        if path.rsplit(".", 1)[-1] != "weight":
            continue
        _, values = history.series(QUANTITY, path)
        live = values[np.isfinite(values) & (values > 0)]
        sizes[path] = float(np.exp(np.log(live).mean())) if len(live) else 0.0
    return sizes


def first_to_last(history: History) -> float | None:
    """Return the first weight's gradient norm over the last one's; None with fewer than two weights."""
    sizes = list(by_layer(history).values())
    if len(sizes) < 2 or sizes[-1] == 0:
        return None
    return sizes[0] / sizes[-1]
