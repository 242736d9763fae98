"""An activation and its derivative; all of the course's side by side."""

from __future__ import annotations

import numpy as np

from koubai.core.layer import LAYERS
from koubai.core.params import Array
from koubai.layers.activations import Activation
from koubai.report.numbers import number
from koubai.report.picture import Picture
from koubai.study.pictures.lines import lines

_COURSE = ("step", "sigmoid", "tanh", "relu", "leaky_relu", "elu")
_INPUTS = np.linspace(-5, 5, 401)


def activation(name: str) -> Picture:
    """Return f and f' of one activation over -5 <= u <= 5."""
    function = _made(name)
    y = function.value(_INPUTS)
    low, high = function.range
    return lines(
        "activation",
        _INPUTS,
        {"f(u)": y, "f'(u)": function.derivative(_INPUTS, y)},
        axes=("u", ""),
        values={
            "name": type(function).__name__,
            "low": number(low),
            "high": number(high),
            "most": number(function.max_derivative),
            "here": number(float(function.derivative(np.zeros(1), function.value(np.zeros(1)))[0])),
        },
    )


def activations(_: str) -> Picture:
    """Return the course's activations in one picture."""
    curves: dict[str, Array] = {}
    for name in _COURSE:
        function = _made(name)
        curves[type(function).__name__] = function.value(_INPUTS)
    return lines("activations", _INPUTS, curves, axes=("u", "f(u)"), yaxis_range=[-1.5, 3])


def _made(name: str) -> Activation:
    function = LAYERS[name]()
    assert isinstance(function, Activation)
    return function
