"""Group and instance normalization: statistics of one sample, so the batch size does not matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from koubai.core.checks import above, whole
from koubai.core.errors import ShapeError
from koubai.core.layer import LAYERS, Cell, Layer
from koubai.core.params import Array, ParamSpec, Shape
from koubai.core.verbs import Builder, Handle
from koubai.initializers.constant import Constant, Zeros
from koubai.layers.batch_norm import beside, but_channels
from koubai.words.phrase import phrase


@dataclass(frozen=True)
class GroupedNorm(Layer):
    """Every group of channels of every sample is brought to mean 0 and variance 1, then scaled and shifted.

        x_hat = (x - mean) / sqrt(var + epsilon)        y = gamma x_hat + beta
        dgamma = sum dy x_hat      dbeta = sum dy      dx_hat = gamma dy
        dx = 1 / sqrt(var + epsilon) [dx_hat  (1)  - mean of dx_hat  (2)  - x_hat (mean of dx_hat x_hat)  (3)]

    | symbol      | name                                        | shape                   |
    |-------------|---------------------------------------------|-------------------------|
    | x, x_hat, y | input, normalized, output                   | (N, C) or (N, C, S)     |
    | mean, var   | over the C / G channels and S of a group    | (N, G, 1)               |
    | gamma, beta | scale from 1 and shift from 0               | (C,)                    |

    A constant group has variance 0 and gives y = beta. In training and at test time it does the same.
    """

    normalizes: ClassVar[bool] = True

    @property
    def epsilon(self) -> float:
        """Added to the variance."""
        raise NotImplementedError

    def groups_of(self, channels: int) -> int:
        """G."""
        raise NotImplementedError

    def params(self, shape: Shape) -> dict[str, ParamSpec]:
        """Gamma and beta, a number per channel."""
        return {
            "gamma": ParamSpec(shape[:1], Constant(1.0), penalized=False),
            "beta": ParamSpec(shape[:1], Zeros(), penalized=False),
        }

    def forward(self, cell: Cell, x: Array) -> Array:
        """x (N, C, S) -> y (N, C, S); the statistics are summed in float64, so constants stay exact."""
        groups = self.groups_of(x.shape[1])
        rows = x.reshape(len(x), groups, x[:1].size // groups if len(x) else 1)
        mean = rows.mean(axis=2, keepdims=True, dtype=np.float64).astype(x.dtype)
        var = np.square(rows - mean).mean(axis=2, keepdims=True, dtype=np.float64).astype(x.dtype)
        scale = 1 / np.sqrt(var + self.epsilon)
        x_hat = ((rows - mean) * scale).reshape(x.shape)
        cell.save(x_hat, scale)
        return beside(cell.gamma, x) * x_hat + beside(cell.beta, x)

    def backward(self, cell: Cell, dy: Array) -> Array:
        """dy (N, C, S) -> dx (N, C, S), terms (1) to (3)."""
        x_hat, scale = cell.saved
        axes = but_channels(dy)
        cell.grad(gamma=(dy * x_hat).sum(axis=axes), beta=dy.sum(axis=axes))
        rows = (*scale.shape[:2], dy.size // scale.size if len(dy) else 1)
        dx_hat, x_hat = (beside(cell.gamma, dy) * dy).reshape(rows), x_hat.reshape(rows)
        mean = dx_hat.mean(axis=2, keepdims=True)
        mean_with_x_hat = (dx_hat * x_hat).mean(axis=2, keepdims=True)
        return (scale * (dx_hat - mean - x_hat * mean_with_x_hat)).reshape(dy.shape)

    # ------------------------------------------------------------------------------------ lowering

    def lower(self, build: Builder, x: Handle) -> Handle:
        """One verb."""
        groups = self.groups_of(x.shape[0])
        return build.group_norm(
            x, build.param("gamma"), build.param("beta"), groups=groups, epsilon=self.epsilon
        )


@LAYERS.register
@dataclass(frozen=True)
class GroupNorm(GroupedNorm):
    """Every group of channels of a sample is brought to mean 0 and variance 1, then scaled and shifted.

    One group is layer normalization with a scale for each channel, as many groups as channels are instance
    normalization. Formula: GroupedNorm. Raises ShapeError where the channels do not divide into `groups`.
    Source: Wu and He 2018, eqs. (1) and (7).
    """

    groups: int
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        whole(self, 1, groups=self.groups)
        above(self, 0, epsilon=self.epsilon)

    def groups_of(self, channels: int) -> int:
        """The setting."""
        return self.groups

    def output_shape(self, shape: Shape) -> Shape:
        """That of x."""
        if shape[0] % self.groups:
            fitting = [g for g in range(1, shape[0] + 1) if shape[0] % g == 0]
            raise ShapeError(
                "channels_do_not_divide_into_groups",
                choices=", ".join(map(str, fitting)),
                expected=phrase("channels_multiple_of_groups", count=shape[0], groups=self.groups),
                got=phrase("remainder_is", rest=shape[0] % self.groups),
            )
        return shape


@LAYERS.register
@dataclass(frozen=True)
class InstanceNorm(GroupedNorm):
    """Every channel of every sample is brought to mean 0 and variance 1, then scaled and shifted.

    It takes away each picture's contrast (Ulyanov, Vedaldi, Lempitsky 2016, eq. (4), who found it good for
    style transfer). Formula: GroupedNorm with G = C. (In PyTorch gamma and beta must be asked for.)
    """

    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        above(self, 0, epsilon=self.epsilon)

    def groups_of(self, channels: int) -> int:
        """A group a channel."""
        return channels
