"""How large what flows back is, layer by layer, read from a history.

The same quantity everywhere: the root mean square of dE/dy, the gradient at the output of a layer that has
weights (before its activation, so dE/du in the course's letters), at update 1: before anything was learned.
Gradients of the weights stand beside it. They are x^T dE/du, so where small weights shrink the signal on its
way forward as much as the gradient on its way back, they look alike in every layer and hide what vanishes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from koubai.core.params import Array
from koubai.probes.history import History

FLOW = "activation_gradient_rms"
WEIGHTS = "gradient_norm"


def weighted(history: History) -> list[str]:
    """Return the paths of the layers whose weights have recorded gradients, in forward order."""
    return [
        layer
        for path in history.paths(WEIGHTS)
        for layer, _, name in (path.rpartition("."),)
        if name == "weight" and history.count(FLOW, layer)
    ]


def series_of(history: History, layer: str, quantity: str = FLOW) -> tuple[Array, Array]:
    """Return steps and sizes of what flows back to a layer, or of its weights' gradient."""
    return history.series(quantity, _place(layer, quantity))


def _place(layer: str, quantity: str) -> str:
    return layer if quantity == FLOW else f"{layer}.weight".lstrip(".")


def at_start(history: History, quantity: str = FLOW) -> dict[str, float]:
    """Return the size at the first tapped update of every layer with weights, in forward order."""
    sizes = {layer: history.first(quantity, _place(layer, quantity)) for layer in weighted(history)}
    return {layer: size for layer, size in sizes.items() if size is not None}


def over_training(history: History) -> dict[str, float]:
    """Return the geometric mean over all tapped updates of what flows back, in forward order.

    Zeros cannot enter a geometric mean: a layer that got exactly nothing at every tap has size 0, and taps
    at which it got nothing are otherwise left out.
    """
    sizes = {}
    for layer in weighted(history):
        _, values = series_of(history, layer)
        live = values[np.isfinite(values) & (values > 0)]
        sizes[layer] = float(np.exp(np.log(live).mean())) if len(live) else 0.0
    return sizes


def first_to_last(sizes: Mapping[str, float]) -> float | None:
    """Return the first layer's size over the last one's; None with fewer than two layers."""
    found = list(sizes.values())
    if len(found) < 2 or not np.isfinite([found[0], found[-1]]).all() or found[-1] == 0:
        return None
    return found[0] / found[-1]


@dataclass(frozen=True)
class Factors:
    """What one layer makes of what flows back to it, at update 1, all as ratios of root mean squares.

    `weight`: dE/dy at the layer's activation over dE/du of the next layer with weights, which W^T carries
    back; `derivative`: dE/du of the layer over that dE/dy, so what f' leaves. Their product over all layers
    is the first layer's dE/du over the last one's, exactly.
    """

    layer: str
    weight: float
    derivative: float


def factors(history: History) -> list[Factors]:
    """Return the factors of every layer with weights but the last, in forward order; 0 where nothing came."""
    sizes, order = at_start(history), history.paths(FLOW)
    found = []
    for layer, following in pairwise(sizes):
        between = order[order.index(layer) + 1 : order.index(following)]
        if not between:
            return []
        carried = float(history.series(FLOW, between[-1])[1][0])
        found.append(Factors(layer, _ratio(carried, sizes[following]), _ratio(sizes[layer], carried)))
    return found


def factor_scores(history: History) -> dict[str, float]:
    """Return the geometric means over the layers of both factors and of their product, as scores."""
    found = factors(history)
    both = np.array([(one.weight, one.derivative) for one in found])
    if not found or not (both > 0).all():
        return {}
    weight, derivative = np.exp(np.log(both).mean(axis=0)).tolist()
    return {
        "weight_factor": weight,
        "derivative_factor": derivative,
        "gradient_factor": weight * derivative,
    }


def _ratio(size: float, over: float) -> float:
    return size / over if over > 0 and np.isfinite(size / over) else 0.0


def ratios(history: History) -> dict[str, float]:
    """Return first over last layer, as scores: what flows back at update 1 and over training, and dE/dW."""
    found = {
        "first_to_last_gradient": first_to_last(at_start(history)),
        "first_to_last_gradient_later": first_to_last(over_training(history)),
        "first_to_last_weight_gradient": first_to_last(at_start(history, WEIGHTS)),
    }
    return {name: ratio for name, ratio in found.items() if ratio is not None}
