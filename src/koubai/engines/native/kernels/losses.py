"""Losses: the value of a thread's samples, and dE/dy of each.

Arguments: (y, t, dy, parts, samples, K, batch, labels, slot, parameter). `batch` is N, all lanes' samples;
`parts` has 8 float64 words for each slot, of which the first takes the thread's part of E, threads counting
from slot `slot`; `labels` says that t holds int64 class labels, not values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float32

from koubai.engines.native.kernels import functions as f
from koubai.engines.native.kernels.base import doubles, floats, inline, kernel, number, share, words
from koubai.engines.native.kernels.functions import ONE, TWO, ZERO


@inline
def _target(a: Any, n: int, k: int) -> Any:
    """t[n, k] as a value: labels are made one-hot, or are values themselves where y has one column."""
    K = a[5]
    if a[7]:
        label = words(a[1] + 8 * n, 1)[0]
        return float32(label) if K == 1 else (ONE if label == k else ZERO)
    return floats(a[1] + 4 * (n * K + k), 1)[0]


@kernel
def softmax_cross_entropy(args: int, thread: int, team: int) -> None:
    """E = -mean of log p at the label (with smoothing s: of all log p), dy = (p - q) / N."""
    a = words(args, 9)
    K, N = a[5], float32(a[6])
    s = number(args, 9)
    off, on = float32(s / K), float32(1.0 - s)
    start, count = share(a[4], 1, thread, team)
    total = 0.0
    for n in range(start, start + count):
        y, dy = floats(a[0] + 4 * n * K, K), floats(a[2] + 4 * n * K, K)
        label = words(a[1] + 8 * n, 1)[0]
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
    doubles(a[3] + 64 * (a[8] + thread), 1)[0] = total / a[6]


@kernel
def sigmoid_cross_entropy(args: int, thread: int, team: int) -> None:
    """E = mean of log(1 + e^y) - t y, dy = (p - t) / (N K)."""
    a = words(args, 9)
    K = a[5]
    size = float32(a[6] * K)
    start, count = share(a[4], 1, thread, team)
    total = 0.0
    for n in range(start, start + count):
        y, dy = floats(a[0] + 4 * n * K, K), floats(a[2] + 4 * n * K, K)
        for k in range(K):
            t = _target(a, n, k)
            total += f.softplus(y[k]) - t * y[k]
            dy[k] = (f.sigmoid(y[k]) - t) / size
    doubles(a[3] + 64 * (a[8] + thread), 1)[0] = total / (a[6] * K)


@kernel
def binary_cross_entropy(args: int, thread: int, team: int) -> None:
    """E = -mean of t log p + (1 - t) log(1 - p), dy = (p - t) / (N K p (1 - p)), 0 where y was clipped."""
    a = words(args, 9)
    K = a[5]
    size = float32(a[6] * K)
    low, high = float32(number(args, 9)), float32(1.0 - number(args, 9))
    start, count = share(a[4], 1, thread, team)
    total = 0.0
    for n in range(start, start + count):
        y, dy = floats(a[0] + 4 * n * K, K), floats(a[2] + 4 * n * K, K)
        for k in range(K):
            t = _target(a, n, k)
            p = low if y[k] < low else y[k]
            p = high if p > high else p
            total -= t * float32(np.log(p)) + (ONE - t) * float32(np.log1p(-p))
            dy[k] = (p - t) / (size * p * (ONE - p)) if p == y[k] else ZERO
    doubles(a[3] + 64 * (a[8] + thread), 1)[0] = total / (a[6] * K)


@kernel
def cross_entropy(args: int, thread: int, team: int) -> None:
    """E = -mean of log p at the label, dy = -1 / (N p) there, 0 elsewhere and where y was clipped."""
    a = words(args, 9)
    K, N = a[5], float32(a[6])
    low, high = float32(number(args, 9)), float32(1.0 - number(args, 9))
    start, count = share(a[4], 1, thread, team)
    total = 0.0
    for n in range(start, start + count):
        y, dy = floats(a[0] + 4 * n * K, K), floats(a[2] + 4 * n * K, K)
        label = words(a[1] + 8 * n, 1)[0]
        for k in range(K):
            dy[k] = ZERO
        p = low if y[label] < low else y[label]
        p = high if p > high else p
        total -= float32(np.log(p))
        dy[label] = -ONE / (N * p) if p == y[label] else ZERO
    doubles(a[3] + 64 * (a[8] + thread), 1)[0] = total / a[6]


@kernel
def mean_squared_error(args: int, thread: int, team: int) -> None:
    """E = mean of (y - t)^2, dy = 2 (y - t) / (N K)."""
    a = words(args, 9)
    K = a[5]
    size = float32(a[6] * K)
    start, count = share(a[4], 1, thread, team)
    total = 0.0
    for n in range(start, start + count):
        y, dy = floats(a[0] + 4 * n * K, K), floats(a[2] + 4 * n * K, K)
        for k in range(K):
            d = y[k] - _target(a, n, k)
            total += d * d
            dy[k] = TWO * d / size
    doubles(a[3] + 64 * (a[8] + thread), 1)[0] = total / (a[6] * K)


@kernel
def mean_absolute_error(args: int, thread: int, team: int) -> None:
    """E = mean of |y - t|, dy = sign(y - t) / (N K), 0 at y = t."""
    a = words(args, 9)
    K = a[5]
    size = float32(a[6] * K)
    start, count = share(a[4], 1, thread, team)
    total = 0.0
    for n in range(start, start + count):
        y, dy = floats(a[0] + 4 * n * K, K), floats(a[2] + 4 * n * K, K)
        for k in range(K):
            d = y[k] - _target(a, n, k)
            total += abs(d)
            sign = ONE if d > ZERO else (-ONE if d < ZERO else d)
            dy[k] = sign / size
    doubles(a[3] + 64 * (a[8] + thread), 1)[0] = total / (a[6] * K)


# Registry name of a loss -> its kernel and the field that is its parameter.
LOSSES = {
    "softmax_cross_entropy": (softmax_cross_entropy, "smoothing"),
    "sigmoid_cross_entropy": (sigmoid_cross_entropy, None),
    "binary_cross_entropy": (binary_cross_entropy, "delta"),
    "cross_entropy": (cross_entropy, "delta"),
    "mean_squared_error": (mean_squared_error, None),
    "mean_absolute_error": (mean_absolute_error, None),
}
