"""Kernels that treat each sample by itself: softmax, layer normalization, local response normalization."""

from __future__ import annotations

from typing import NamedTuple

from numba import float32

from koubai.engines.native.kernels import functions as f
from koubai.engines.native.kernels.base import floats, kernel, share
from koubai.engines.native.kernels.block import Address
from koubai.engines.native.kernels.functions import TWO, ZERO


class Softmax(NamedTuple):
    """x to y, (samples, K)."""

    x: Address
    y: Address
    samples: int
    K: int


class SoftmaxBackward(NamedTuple):
    """dy to dx, in its place."""

    y: Address
    dy: Address
    samples: int
    K: int


class LayerNorm(NamedTuple):
    """x to y, (samples, F); backward dy becomes dx in the place of y.

    dgamma and dbeta come in the places of gamma and beta.
    """

    x: Address
    y: Address
    gamma: Address
    beta: Address
    saved: Address  # mean and scale of each sample
    samples: int
    F: int
    epsilon: float


class LocalResponse(NamedTuple):
    """x to y, (rows, C); backward dy becomes dx in the place of y."""

    x: Address
    y: Address
    scratch: Address  # C + 2 half numbers for each thread, backward twice as many
    rows: int
    C: int
    half: int  # neighbors on each side
    k: float
    alpha: float
    beta: float


@kernel
def softmax(b: Softmax, thread: int, team: int) -> None:
    """y = exp(x - max x) / sum exp(x - max x)."""
    K = b.K
    start, count = share(b.samples, 1, thread, team)
    for n in range(start, start + count):
        x, y = floats(b.x + 4 * n * K, K), floats(b.y + 4 * n * K, K)
        top = x[0]
        for k in range(K):
            top = x[k] if x[k] > top else top
        for k in range(K):
            y[k] = f.exp(x[k] - top)
        total = 0.0
        for k in range(K):
            total += y[k]
        for k in range(K):
            y[k] /= float32(total)


@kernel
def softmax_backward(b: SoftmaxBackward, thread: int, team: int) -> None:
    """dx = y (dy - sum dy y), in the place of dy."""
    K = b.K
    start, count = share(b.samples, 1, thread, team)
    for n in range(start, start + count):
        y, dy = floats(b.y + 4 * n * K, K), floats(b.dy + 4 * n * K, K)
        total = 0.0
        for k in range(K):
            total += dy[k] * y[k]
        for k in range(K):
            dy[k] = y[k] * (dy[k] - float32(total))


@kernel
def layer_norm(b: LayerNorm, thread: int, team: int) -> None:
    """y = gamma (x - mean) scale + beta."""
    F = b.F
    epsilon = float32(b.epsilon)
    gamma, beta = floats(b.gamma, F), floats(b.beta, F)
    start, count = share(b.samples, 1, thread, team)
    for n in range(start, start + count):
        x, y, saved = floats(b.x + 4 * n * F, F), floats(b.y + 4 * n * F, F), floats(b.saved + 8 * n, 2)
        mean, scale = f.mean_and_scale(x, F, epsilon)
        saved[0] = mean
        saved[1] = scale
        for j in range(F):
            y[j] = gamma[j] * ((x[j] - mean) * scale) + beta[j]


@kernel
def layer_norm_params(b: LayerNorm, thread: int, team: int) -> None:
    """dgamma = sum dy x_hat, dbeta = sum dy; split by features."""
    F = b.F
    start, width = share(F, 16, thread, team)
    dgamma, dbeta = floats(b.gamma + 4 * start, width), floats(b.beta + 4 * start, width)
    for j in range(width):
        dgamma[j] = ZERO
        dbeta[j] = ZERO
    for n in range(b.samples):
        at = 4 * (n * F + start)
        x, dy, saved = floats(b.x + at, width), floats(b.y + at, width), floats(b.saved + 8 * n, 2)
        mean, scale = saved[0], saved[1]
        for j in range(width):
            dgamma[j] += dy[j] * ((x[j] - mean) * scale)
        for j in range(width):
            dbeta[j] += dy[j]


@kernel
def layer_norm_backward(b: LayerNorm, thread: int, team: int) -> None:
    """dx = scale (dx_hat - mean of dx_hat - x_hat (mean of dx_hat x_hat)), where dx_hat = gamma dy."""
    F = b.F
    gamma = floats(b.gamma, F)
    start, count = share(b.samples, 1, thread, team)
    for n in range(start, start + count):
        x, dy, saved = floats(b.x + 4 * n * F, F), floats(b.y + 4 * n * F, F), floats(b.saved + 8 * n, 2)
        mean, scale = saved[0], saved[1]
        total, total_x = 0.0, 0.0
        for j in range(F):
            dy[j] *= gamma[j]
            total += dy[j]
            total_x += dy[j] * ((x[j] - mean) * scale)
        mean_dy, mean_dy_x = float32(total / F), float32(total_x / F)
        for j in range(F):
            dy[j] = scale * (dy[j] - mean_dy - (x[j] - mean) * scale * mean_dy_x)


@kernel
def local_response(b: LocalResponse, thread: int, team: int) -> None:
    """b = a d^-beta, d = k + alpha sum a^2 over the neighbors, channels last."""
    C, half = b.C, b.half
    k, alpha, beta = float32(b.k), float32(b.alpha), float32(b.beta)
    line = C + 2 * half
    squares = floats(b.scratch + 4 * thread * line, line)
    for j in range(line):
        squares[j] = ZERO
    inner = floats(b.scratch + 4 * (thread * line + half), C)
    start, count = share(b.rows, 1, thread, team)
    for r in range(start, start + count):
        x, y = floats(b.x + 4 * r * C, C), floats(b.y + 4 * r * C, C)
        for c in range(C):
            inner[c] = x[c] * x[c]
        for c in range(C):
            y[c] = squares[c]
        for i in range(1, 2 * half + 1):
            shifted = floats(b.scratch + 4 * (thread * line + i), C)
            for c in range(C):
                y[c] += shifted[c]
        for c in range(C):
            y[c] = x[c] * f.exp(-beta * f.log(k + alpha * y[c]))


@kernel
def local_response_backward(b: LocalResponse, thread: int, team: int) -> None:
    """da = db d^-beta - 2 alpha beta a sum db a d^(-beta - 1) over the neighbors."""
    C, half = b.C, b.half
    k, alpha, beta = float32(b.k), float32(b.alpha), float32(b.beta)
    line = C + 2 * half
    base = b.scratch + 8 * thread * line
    squares, terms = floats(base, line), floats(base + 4 * line, line)
    for j in range(line):
        squares[j] = ZERO
        terms[j] = ZERO
    square, term = floats(base + 4 * half, C), floats(base + 4 * (line + half), C)
    factor = TWO * alpha * beta
    start, count = share(b.rows, 1, thread, team)
    for r in range(start, start + count):
        x, dy = floats(b.x + 4 * r * C, C), floats(b.y + 4 * r * C, C)
        for c in range(C):
            square[c] = x[c] * x[c]
        for c in range(C):
            term[c] = ZERO
        for i in range(2 * half + 1):
            shifted = floats(base + 4 * i, C)
            for c in range(C):
                term[c] += shifted[c]
        for c in range(C):
            d = k + alpha * term[c]
            power = f.exp(-beta * f.log(d))
            dy[c] *= power
            term[c] = dy[c] * x[c] / d
        for c in range(C):
            square[c] = ZERO
        for i in range(2 * half + 1):
            shifted = floats(base + 4 * (line + i), C)
            for c in range(C):
                square[c] += shifted[c]
        for c in range(C):
            dy[c] -= factor * x[c] * square[c]
