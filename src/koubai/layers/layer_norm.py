"""Layer normalization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from koubai.core.checks import above
from koubai.core.layer import LAYERS, Cell, Layer
from koubai.core.params import Array, ParamSpec, Shape
from koubai.core.verbs import Builder, Handle
from koubai.initializers.constant import Constant, Zeros


@LAYERS.register
@dataclass(frozen=True)
class LayerNorm(Layer):
    """Every sample is brought to mean 0 and variance 1 over its own features, then scaled and shifted.

        x_hat = (x - mean) / sqrt(var + epsilon)        y = gamma x_hat + beta
        dgamma = sum_n dy x_hat      dbeta = sum_n dy      dx_hat = gamma dy
        dx = 1 / sqrt(var + epsilon) [dx_hat  (1)  - mean of dx_hat  (2)  - x_hat (mean of dx_hat x_hat)  (3)]

    | symbol      | name                                | shape           |
    |-------------|-------------------------------------|-----------------|
    | x, x_hat, y | input, normalized, output           | (N, F)          |
    | mean, var   | over all features of one sample     | (N, 1)          |
    | gamma, beta | scale from 1 and shift from 0       | (F,)            |

    F stands for all axes of a sample together. A constant sample has variance 0 and gives y = beta.
    Source: Ba, Kiros, Hinton 2016, eq. (4).
    """

    normalizes: ClassVar[bool] = True

    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        above(self, 0, epsilon=self.epsilon)

    def params(self, shape: Shape) -> dict[str, ParamSpec]:
        """Gamma and beta, of the shape of a sample each."""
        return {
            "gamma": ParamSpec(shape, Constant(1.0), penalized=False),
            "beta": ParamSpec(shape, Zeros(), penalized=False),
        }

    def forward(self, cell: Cell, x: Array) -> Array:
        """x (N, F) -> y (N, F); the statistics are summed in float64, so constants stay exact."""
        axes = tuple(range(1, x.ndim))
        mean = x.mean(axis=axes, keepdims=True, dtype=np.float64).astype(x.dtype)
        var = np.square(x - mean).mean(axis=axes, keepdims=True, dtype=np.float64).astype(x.dtype)
        scale = 1 / np.sqrt(var + self.epsilon)
        x_hat = (x - mean) * scale
        cell.save(x_hat, scale)
        return cell.gamma * x_hat + cell.beta

    def backward(self, cell: Cell, dy: Array) -> Array:
        """dy (N, F) -> dx (N, F), terms (1) to (3)."""
        x_hat, scale = cell.saved
        axes = tuple(range(1, dy.ndim))
        cell.grad(gamma=(dy * x_hat).sum(axis=0), beta=dy.sum(axis=0))
        dx_hat = cell.gamma * dy
        mean = dx_hat.mean(axis=axes, keepdims=True)
        mean_with_x_hat = (dx_hat * x_hat).mean(axis=axes, keepdims=True)
        return scale * (dx_hat - mean - x_hat * mean_with_x_hat)

    # ------------------------------------------------------------------------------------ lowering

    def lower(self, build: Builder, x: Handle) -> Handle:
        """One verb."""
        return build.layer_norm(x, build.param("gamma"), build.param("beta"), epsilon=self.epsilon)
