"""Mish."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.core.layer import LAYERS
from koubai.core.params import Array
from koubai.layers.activations import Activation, Sigmoid
from koubai.layers.smooth_rectifiers import Softplus


@LAYERS.register
@dataclass(frozen=True)
class Mish(Activation):
    """f(u) = u t,  f' = t + u (1 - t^2) s(u), with t = tanh(softplus(u)) and the sigmoid s.

    f' is largest, 1.0885, at u = 1.4906. Source: Misra 2019, eqs. (1) and (2).
    """

    range = (-0.30884341301725, float("inf"))
    max_derivative = 1.0884981613

    def value(self, u: Array) -> Array:
        """u t."""
        return u * np.tanh(Softplus().value(u))

    def derivative(self, u: Array, y: Array) -> Array:
        """t + u (1 - t^2) s(u)."""
        t = np.tanh(Softplus().value(u))
        return t + u * (1 - t * t) * Sigmoid().value(u)
