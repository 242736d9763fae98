"""Batch normalization, dense and convolutional in one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from koubai.core.checks import above, share
from koubai.core.layer import LAYERS, Cell, Layer
from koubai.core.params import Array, BufferSpec, ParamSpec, Shape
from koubai.core.verbs import Builder, Handle
from koubai.initializers.constant import Constant, Zeros


@LAYERS.register
@dataclass(frozen=True)
class BatchNorm(Layer):
    """Every channel is brought to mean 0 and variance 1 over the batch, then scaled and shifted.

        x_hat = (x - mean) / sqrt(var + epsilon)        y = gamma x_hat + beta
        dgamma = sum dy x_hat      dbeta = sum dy
        dx = gamma / sqrt(var + epsilon) [dy  (1)  - mean of dy  (2)  - x_hat (mean of dy x_hat)  (3)]

    | symbol      | name                                        | shape                   |
    |-------------|---------------------------------------------|-------------------------|
    | x, x_hat, y | input, normalized, output                   | (N, C) or (N, C, S)     |
    | mean, var   | over N (and S), m values per channel        | (C,)                    |
    | gamma, beta | scale from 1 and shift from 0               | (C,)                    |

    In training the statistics are those of the batch (var = sum (x - mean)^2 / m), and the running ones
    follow with `momentum`, the variance unbiased:

        running_mean     <- momentum running_mean     + (1 - momentum) mean
        running_variance <- momentum running_variance + (1 - momentum) var m / (m - 1)

    At test time the running statistics take the place of mean and var. Variance 0, so also m = 1, gives
    x_hat = 0 and y = beta; with m < 2 a batch says nothing of the variance, and the running statistics
    stay as they are. `trainable` False leaves gamma at 1 and beta at 0, without parameters.
    Source: Ioffe and Szegedy 2015, algorithms 1 and 2.
    """

    affine: ClassVar[bool] = True
    normalizes: ClassVar[bool] = True
    over_batch: ClassVar[bool] = True

    momentum: float = 0.9
    epsilon: float = 1e-6
    trainable: bool = True

    def __post_init__(self) -> None:
        share(self, momentum=self.momentum)
        above(self, 0, epsilon=self.epsilon)

    def params(self, shape: Shape) -> dict[str, ParamSpec]:
        """Gamma and beta, (C,) each."""
        if not self.trainable:
            return {}
        return {
            "gamma": ParamSpec(shape[:1], Constant(1.0), penalized=False),
            "beta": ParamSpec(shape[:1], Zeros(), penalized=False),
        }

    def buffers(self, shape: Shape) -> dict[str, BufferSpec]:
        """Running mean and variance, (C,) each."""
        return {"running_mean": BufferSpec(shape[:1]), "running_variance": BufferSpec(shape[:1], fill=1.0)}

    def forward(self, cell: Cell, x: Array) -> Array:
        """x (N, C, S) -> y (N, C, S)."""
        mean, var = (
            self._batch_statistics(cell, x)
            if cell.training
            else (
                cell.running_mean,
                cell.running_variance,
            )
        )
        scale = 1 / np.sqrt(var + self.epsilon)
        x_hat = (x - beside(mean, x)) * beside(scale, x)
        cell.save(x_hat, scale)
        if not self.trainable:
            return x_hat
        return x_hat * beside(cell.gamma, x) + beside(cell.beta, x)

    def _batch_statistics(self, cell: Cell, x: Array) -> tuple[Array, Array]:
        """Mean and variance over all axes but the channels'; summed in float64, so constants stay exact."""
        axes, m = but_channels(x), x.size // max(x.shape[1], 1)
        if m == 0:
            return cell.running_mean, cell.running_variance
        mean = x.mean(axis=axes, dtype=np.float64).astype(x.dtype)
        var = np.square(x - beside(mean, x)).mean(axis=axes, dtype=np.float64).astype(x.dtype)
        if m >= 2:
            keep = self.momentum
            cell.running_mean[:] = keep * cell.running_mean + (1 - keep) * mean
            cell.running_variance[:] = keep * cell.running_variance + (1 - keep) * var * (m / (m - 1))
        return mean, var

    def backward(self, cell: Cell, dy: Array) -> Array:
        """dy (N, C, S) -> dx (N, C, S), terms (1) to (3); at test time the statistics are constants."""
        x_hat, scale = cell.saved
        axes, m = but_channels(dy), max(dy.size // max(dy.shape[1], 1), 1)
        sum_dy, sum_dy_x_hat = dy.sum(axis=axes), (dy * x_hat).sum(axis=axes)
        if self.trainable:
            cell.grad(gamma=sum_dy_x_hat, beta=sum_dy)
            scale = cell.gamma * scale
        if not cell.training:
            return dy * beside(scale, dy)
        dx_hat = dy - beside(sum_dy / m, dy) - x_hat * beside(sum_dy_x_hat / m, dy)
        return dx_hat * beside(scale, dy)

    # ------------------------------------------------------------------------------------ lowering

    def lower(self, build: Builder, x: Handle) -> Handle:
        """One verb."""
        return build.batch_norm(
            x,
            build.param("gamma") if self.trainable else None,
            build.param("beta") if self.trainable else None,
            build.buffer("running_mean"),
            build.buffer("running_variance"),
            momentum=self.momentum,
            epsilon=self.epsilon,
        )


def but_channels(x: Array) -> tuple[int, ...]:
    """All axes of x (N, C, S) but that of the channels."""
    return (0, *range(2, x.ndim))


def beside(channels: Array, x: Array) -> Array:
    """(C,) shaped to broadcast over x (N, C, S)."""
    return channels.reshape(-1, *(1,) * (x.ndim - 2))
