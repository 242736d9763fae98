"""What depth does to signals and gradients at the initial weights: computed in a network of ten layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from koubai.core.layer import Cell
from koubai.core.params import Array
from koubai.core.random import generator
from koubai.initializers.initializer import Initializer
from koubai.initializers.normal import HeNormal, LeCunNormal, Normal
from koubai.lab.declare.naming import japanese
from koubai.models.mlp import Mlp
from koubai.network.network import Network
from koubai.report.numbers import number
from koubai.report.picture import Picture
from koubai.report.theme import log_axis
from koubai.study.pictures.lines import lines
from koubai.words import language, say

_DEPTH, _WIDTH, _SAMPLES, _SEED = 10, 100, 256, 0
_LAYERS = np.arange(1, _DEPTH + 1)
_STARTS: dict[str, Initializer] = {"normal .01": Normal(0.01), "1/sqrt(n)": LeCunNormal(), "He": HeNormal()}


def product(_: str) -> Picture:
    """Return |dE/dy| of every hidden layer over that of the last one, and the bound .25^l of the sigmoid."""
    curves = {
        f"{kind}, {start}": _gradients(kind.lower(), _STARTS[start])
        for kind, start in (("sigmoid", "1/sqrt(n)"), ("tanh", "1/sqrt(n)"), ("ReLU", "He"))
    }
    first = float(curves["sigmoid, 1/sqrt(n)"][0])
    curves = _in(curves)
    curves[say("study.picture.product.bound")] = 0.25 ** (_DEPTH - _LAYERS).astype(float)
    return _by_layer("product", curves, "|dE/dy|", {"share": number(first), "layers": _DEPTH})


def signal(_: str) -> Picture:
    """Return the deviation over samples of a unit's value, layer by layer, for ReLU under three starts."""
    curves = {f"ReLU, {name}": _deviations("relu", start) for name, start in _STARTS.items()}
    last = {f"at{i}": number(float(curve[-1])) for i, curve in enumerate(curves.values())}
    return _by_layer("signal", _in(curves), say("study.picture.signal.axis"), last)


def _in(curves: dict[str, Array]) -> dict[str, Array]:
    """Return the curves with their names in the reader's language."""
    return {japanese(name): curve for name, curve in curves.items()} if language() == "ja" else curves


def _by_layer(name: str, curves: dict[str, Array], axis: str, values: dict[str, Any]) -> Picture:
    sizes = np.concatenate(list(curves.values()))
    scale = log_axis(float(sizes[sizes > 0].min()), float(sizes.max()))
    return lines(
        name,
        _LAYERS.astype(float),
        curves,
        axes=(say("study.picture.layer"), axis),
        values=values,
        markers=True,
        yaxis=scale | {"title": {"text": axis}},
    )


def _run(activation: str, start: Initializer) -> tuple[Cell, Array]:
    """Return the cells after a forward pass of normal inputs, and the logits; float64."""
    network = Network(Mlp(hidden=(_WIDTH,) * _DEPTH, activation=activation), (_WIDTH,), start)
    root = network.bind(network.initialize(_SEED, "float64"), training=True)
    root.taps = {}
    for cell in root.walk():
        cell.taps = root.taps
    x = generator(_SEED, "picture").standard_normal((_SAMPLES, _WIDTH))
    return root, root.forward(x)


def _gradients(activation: str, start: Initializer) -> Array:
    root, y = _run(activation, start)
    root.backward(generator(_SEED, "picture", "gradient").standard_normal(y.shape) / len(y))
    taps = root.taps or {}
    sizes = [float(np.linalg.norm(taps[path, "activation_gradient"])) for path in _activations(root)]
    return np.array(sizes) / sizes[-1]


def _deviations(activation: str, start: Initializer) -> Array:
    root, _ = _run(activation, start)
    taps = root.taps or {}
    return np.array([float(taps[path, "activation"].std(axis=0).mean()) for path in _activations(root)])


def _activations(root: Cell) -> list[str]:
    """Return the paths of the hidden layers' activations, in forward order."""
    from koubai.layers.activations import Activation

    return [cell.path for cell in root.walk() if isinstance(cell.layer, Activation)]
