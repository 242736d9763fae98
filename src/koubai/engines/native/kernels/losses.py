"""Losses: the value of a thread's samples, and dE/dy of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import float32

from koubai.engines.native.kernels import functions as f
from koubai.engines.native.kernels.base import (
    Kernel,
    doubles,
    floats,
    inline,
    integers,
    kernel,
    made_of,
    share,
)
from koubai.engines.native.kernels.block import Address
from koubai.engines.native.kernels.functions import ONE, TWO, ZERO


class Loss(NamedTuple):
    """y (samples, K) and t, and where dE/dy goes."""

    y: Address
    t: Address
    dy: Address
    parts: Address  # 8 float64 numbers for each worker, of which the first takes its part of E
    samples: int
    K: int
    batch: int  # samples of all shards
    labels: int  # whether t holds int64 class labels, not values
    worker: int  # of this shard's first worker
    parameter: float = 0.0


@inline
def _leave(b: Loss, thread: int, part: float) -> None:
    """Leave a worker's part of E in its place."""
    doubles(b.parts + 64 * (b.worker + thread), 1)[0] = part


@inline
def _target(b: Loss, n: int, k: int) -> Any:
    """t[n, k] as a value: labels are made one-hot, or are values themselves where y has one column."""
    K = b.K
    if b.labels:
        label = integers(b.t + 8 * n, 1)[0]
        return float32(label) if K == 1 else (ONE if label == k else ZERO)
    return floats(b.t + 4 * (n * K + k), 1)[0]


def mean_of_all(formula: Callable[..., Any]) -> Kernel[Loss]:
    """Decorator: a mean over all y; formula(y, t, N K, parameter) is the error of a number, and dE/dy."""
    of = inline(formula)

    def loss(b: Loss, thread: int, team: int) -> None:
        K = b.K
        size = float32(b.batch * K)
        start, count = share(b.samples, 1, thread, team)
        total = 0.0
        for n in range(start, start + count):
            y, dy = floats(b.y + 4 * n * K, K), floats(b.dy + 4 * n * K, K)
            for k in range(K):
                error, slope = of(y[k], _target(b, n, k), size, b.parameter)
                total += error
                dy[k] = slope
        _leave(b, thread, total / (b.batch * K))

    return made_of(formula, loss)


@kernel
def softmax_cross_entropy(b: Loss, thread: int, team: int) -> None:
    """E = -mean of log p at the label (with smoothing s: of all log p), dy = (p - q) / N."""
    K, N = b.K, float32(b.batch)
    s = b.parameter
    off, on = float32(s / K), float32(1.0 - s)
    start, count = share(b.samples, 1, thread, team)
    total = 0.0
    for n in range(start, start + count):
        y, dy = floats(b.y + 4 * n * K, K), floats(b.dy + 4 * n * K, K)
        label = integers(b.t + 8 * n, 1)[0]
        top = y[0]
        for k in range(K):
            top = y[k] if y[k] > top else top
        for k in range(K):
            dy[k] = f.exp(y[k] - top)
        norm = ZERO
        for k in range(K):
            norm += dy[k]
        log_norm = float32(np.log(norm))
        if s == 0.0:
            total -= (y[label] - top) - log_norm
        else:
            for k in range(K):
                q = off + (on if k == label else ZERO)
                total -= q * ((y[k] - top) - log_norm)
        for k in range(K):
            dy[k] = (dy[k] / norm - off) / N
        dy[label] -= on / N
    _leave(b, thread, total / b.batch)


@mean_of_all
def sigmoid_cross_entropy(y: Any, t: Any, size: Any, _: Any) -> Any:
    """E = mean of log(1 + e^y) - t y, dy = (p - t) / (N K)."""
    return f.softplus(y) - t * y, (f.sigmoid(y) - t) / size


@mean_of_all
def binary_cross_entropy(y: Any, t: Any, size: Any, delta: Any) -> Any:
    """E = -mean of t log p + (1 - t) log(1 - p), dy = (p - t) / (N K p (1 - p)), 0 where y was clipped."""
    low, high = float32(delta), float32(1.0 - delta)
    p = low if y < low else y
    p = high if p > high else p
    error = -(t * float32(np.log(p)) + (ONE - t) * float32(np.log1p(-p)))
    return error, (p - t) / (size * p * (ONE - p)) if p == y else ZERO


@kernel
def cross_entropy(b: Loss, thread: int, team: int) -> None:
    """E = -mean of log p at the label, dy = -1 / (N p) there, 0 elsewhere and where y was clipped."""
    K, N = b.K, float32(b.batch)
    low, high = float32(b.parameter), float32(1.0 - b.parameter)
    start, count = share(b.samples, 1, thread, team)
    total = 0.0
    for n in range(start, start + count):
        y, dy = floats(b.y + 4 * n * K, K), floats(b.dy + 4 * n * K, K)
        label = integers(b.t + 8 * n, 1)[0]
        for k in range(K):
            dy[k] = ZERO
        p = low if y[label] < low else y[label]
        p = high if p > high else p
        total -= float32(np.log(p))
        dy[label] = -ONE / (N * p) if p == y[label] else ZERO
    _leave(b, thread, total / b.batch)


@mean_of_all
def mean_squared_error(y: Any, t: Any, size: Any, _: Any) -> Any:
    """E = mean of (y - t)^2, dy = 2 (y - t) / (N K)."""
    d = y - t
    return d * d, TWO * d / size


@mean_of_all
def mean_absolute_error(y: Any, t: Any, size: Any, _: Any) -> Any:
    """E = mean of |y - t|, dy = sign(y - t) / (N K), 0 at y = t."""
    d = y - t
    sign = ONE if d > ZERO else (-ONE if d < ZERO else d)
    return abs(d), sign / size


# Registry name of a loss -> its kernel and the field that is its parameter.
LOSSES = {
    "softmax_cross_entropy": (softmax_cross_entropy, "smoothing"),
    "sigmoid_cross_entropy": (sigmoid_cross_entropy, None),
    "binary_cross_entropy": (binary_cross_entropy, "delta"),
    "cross_entropy": (cross_entropy, "delta"),
    "mean_squared_error": (mean_squared_error, None),
    "mean_absolute_error": (mean_absolute_error, None),
}
