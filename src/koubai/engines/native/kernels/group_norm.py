"""Group normalization, channels first: a group of a sample is one stretch of memory."""

from __future__ import annotations

from typing import NamedTuple

from numba import float32

from koubai.engines.native.kernels.base import floats, kernel, share
from koubai.engines.native.kernels.block import Address
from koubai.engines.native.kernels.functions import mean_and_scale


class GroupNorm(NamedTuple):
    """x to y, (samples, G, width, S); backward dy becomes dx in the place of y.

    dgamma and dbeta come in the places of gamma and beta.
    """

    x: Address
    y: Address
    gamma: Address
    beta: Address
    saved: Address  # mean and scale of each group of each sample
    samples: int
    G: int
    width: int  # channels of a group
    S: int
    epsilon: float


@kernel
def group_norm(b: GroupNorm, thread: int, team: int) -> None:
    """y = gamma (x - mean) scale + beta."""
    G, width, S = b.G, b.width, b.S
    F, epsilon = width * S, float32(b.epsilon)
    start, count = share(b.samples * G, 1, thread, team)
    for r in range(start, start + count):
        x, y, saved = floats(b.x + 4 * r * F, F), floats(b.y + 4 * r * F, F), floats(b.saved + 8 * r, 2)
        first = 4 * (r % G) * width
        gamma, beta = floats(b.gamma + first, width), floats(b.beta + first, width)
        mean, scale = mean_and_scale(x, F, epsilon)
        saved[0] = mean
        saved[1] = scale
        for c in range(width):
            for s in range(S):
                y[c * S + s] = gamma[c] * ((x[c * S + s] - mean) * scale) + beta[c]


@kernel
def group_norm_params(b: GroupNorm, thread: int, team: int) -> None:
    """dgamma = sum dy x_hat, dbeta = sum dy; split by channels."""
    G, width, S = b.G, b.width, b.S
    start, count = share(G * width, 16, thread, team)
    dgamma, dbeta = floats(b.gamma + 4 * start, count), floats(b.beta + 4 * start, count)
    for j in range(count):
        c = start + j
        with_x, plain = 0.0, 0.0
        for n in range(b.samples):
            at = 4 * (n * G * width + c) * S
            x, dy, saved = (
                floats(b.x + at, S),
                floats(b.y + at, S),
                floats(b.saved + 8 * (n * G + c // width), 2),
            )
            mean, scale = saved[0], saved[1]
            for s in range(S):
                with_x += dy[s] * ((x[s] - mean) * scale)
                plain += dy[s]
        dgamma[j] = float32(with_x)
        dbeta[j] = float32(plain)


@kernel
def group_norm_backward(b: GroupNorm, thread: int, team: int) -> None:
    """dx = scale (dx_hat - mean of dx_hat - x_hat (mean of dx_hat x_hat)), where dx_hat = gamma dy."""
    G, width, S = b.G, b.width, b.S
    F = width * S
    start, count = share(b.samples * G, 1, thread, team)
    for r in range(start, start + count):
        x, dy, saved = floats(b.x + 4 * r * F, F), floats(b.y + 4 * r * F, F), floats(b.saved + 8 * r, 2)
        gamma = floats(b.gamma + 4 * (r % G) * width, width)
        mean, scale = saved[0], saved[1]
        total, total_x = 0.0, 0.0
        for c in range(width):
            for s in range(S):
                dy[c * S + s] *= gamma[c]
                total += dy[c * S + s]
                total_x += dy[c * S + s] * ((x[c * S + s] - mean) * scale)
        mean_dy, mean_dy_x = float32(total / F), float32(total_x / F)
        for j in range(F):
            dy[j] = scale * (dy[j] - mean_dy - (x[j] - mean) * scale * mean_dy_x)
