"""Batch normalization of a matrix whose rows end with the channels (channels last: a row a place).

To keep inner loops long, several rows are taken as one of `width` numbers, a multiple m of the C channels;
what belongs to a channel is written m times. The batch is shared by all workers, the threads of all shards:
each leaves its partial sums in a place of its own, and after a barrier all of them read all.

| field   | holds                                                                                          |
|---------|------------------------------------------------------------------------------------------------|
| saved   | 4 rows of `width`: mean, scale, gamma, beta                                                    |
| scratch | 2 rows of `width` for each thread                                                              |
| partial | float64 of each worker: count, C means, C sums of squared deviations; backward C sums of dy,   |
|         | C of dy x_hat                                                                                  |
| worker  | number of this shard's first worker                                                            |
| means   | 2 rows of `width`: mean of dy, mean of dy x_hat                                                |
| gamma   | 0 stands for 1; dgamma and dbeta are 0 where they are not asked for                            |
| beta    | 0 stands for 0                                                                                 |

Partial means and squares are joined as in Chan, Golub, LeVeque 1983, eqs. (1.5).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import float32

from koubai.engines.native.kernels.base import doubles, floats, inline, kernel, share
from koubai.engines.native.kernels.block import Address
from koubai.engines.native.kernels.functions import ONE, ZERO

ROWS = 64  # rows summed in float32 before the sum goes to float64


class Statistics(NamedTuple):
    """Where this shard's sums go; `count` numbers of x."""

    x: Address
    partial: Address
    scratch: Address
    size: int
    C: int
    width: int
    worker: int


class Combine(NamedTuple):
    """What becomes of all partial sums; the shard that is `first` updates the running mean and variance."""

    partial: Address
    saved: Address
    gamma: Address
    beta: Address
    mean: Address
    variance: Address
    C: int
    width: int
    workers: int
    first: int
    momentum: float
    epsilon: float


class FromRunning(NamedTuple):
    """The running mean and variance instead."""

    mean: Address
    variance: Address
    saved: Address
    gamma: Address
    beta: Address
    C: int
    width: int
    epsilon: float


class Normalize(NamedTuple):
    """x to y, or to max(0, y) where there is a ReLU."""

    x: Address
    y: Address
    saved: Address
    size: int
    C: int
    width: int
    relu: int


@inline
def fold(row: Any, total: Any, C: int, width: int) -> None:
    """Add the copies of each channel to its total, and clear them."""
    for j in range(0, width, C):
        for c in range(C):
            total[c] += row[j + c]
    for j in range(width):
        row[j] = ZERO


@kernel
def statistics(b: Statistics, thread: int, team: int) -> None:
    """Mean and squared deviations of this thread's rows."""
    C, width = b.C, b.width
    start, n = share(b.size, C, thread, team)
    x_at = b.x + 4 * start
    own = b.partial + 8 * (b.worker + thread) * (2 * C + 1)
    head, mean, square = doubles(own, 1), doubles(own + 8, C), doubles(own + 8 * (C + 1), C)
    sums, middle = (
        floats(b.scratch + 8 * thread * width, width),
        floats(b.scratch + 8 * thread * width + 4 * width, width),
    )
    rows = n // C
    head[0] = rows
    for c in range(C):
        mean[c] = 0.0
        square[c] = 0.0
    for j in range(width):
        sums[j] = ZERO
    for begin in range(0, n, ROWS * width):
        for at in range(begin, min(n, begin + ROWS * width), width):
            length = min(width, n - at)
            x = floats(x_at + 4 * at, length)
            for j in range(length):
                sums[j] += x[j]
        fold(sums, mean, C, width)
    for c in range(C):
        mean[c] /= max(rows, 1)
    for j in range(0, width, C):
        for c in range(C):
            middle[j + c] = float32(mean[c])
    for begin in range(0, n, ROWS * width):
        for at in range(begin, min(n, begin + ROWS * width), width):
            length = min(width, n - at)
            x = floats(x_at + 4 * at, length)
            for j in range(length):
                d = x[j] - middle[j]
                sums[j] += d * d
        fold(sums, square, C, width)
    for c in range(C):  # deviations were taken from the rounded mean
        d = mean[c] - np.float64(float32(mean[c]))
        square[c] -= rows * d * d


@kernel
def combine(b: Combine, thread: int, team: int) -> None:
    """Statistics of the whole batch, and the running ones; run by one thread."""
    C, width, workers = b.C, b.width, b.workers
    keep, epsilon = float32(b.momentum), float32(b.epsilon)
    leave = float32(1.0 - b.momentum)
    size = 8 * (2 * C + 1)
    saved = floats(b.saved, 4 * width)
    total = 0.0
    for s in range(workers):
        total += doubles(b.partial + s * size, 1)[0]
    for c in range(C):
        mean = 0.0
        for s in range(workers):
            mean += doubles(b.partial + s * size, 1)[0] * doubles(b.partial + s * size + 8, C)[c]
        mean /= max(total, 1.0)
        square = 0.0
        for s in range(workers):
            d = doubles(b.partial + s * size + 8, C)[c] - mean
            square += (
                doubles(b.partial + s * size + 8 * (C + 1), C)[c]
                + doubles(b.partial + s * size, 1)[0] * d * d
            )
        variance = float32(square / max(total, 1.0))
        saved[c] = float32(mean)
        saved[width + c] = ONE / np.sqrt(variance + epsilon)
        saved[2 * width + c] = floats(b.gamma, C)[c] if b.gamma else ONE
        saved[3 * width + c] = floats(b.beta, C)[c] if b.beta else ZERO
        if b.first and total >= 2.0:
            running, spread = floats(b.mean, C), floats(b.variance, C)
            running[c] = keep * running[c] + leave * saved[c]
            spread[c] = keep * spread[c] + leave * variance * float32(total / (total - 1.0))
    for j in range(C, width):
        for k in range(4):
            saved[k * width + j] = saved[k * width + j % C]


@kernel
def from_running(b: FromRunning, thread: int, team: int) -> None:
    """Statistics as at test time."""
    C, width = b.C, b.width
    epsilon = float32(b.epsilon)
    saved, mean, variance = floats(b.saved, 4 * width), floats(b.mean, C), floats(b.variance, C)
    for j in range(width):
        c = j % C
        saved[j] = mean[c]
        saved[width + j] = ONE / np.sqrt(variance[c] + epsilon)
        saved[2 * width + j] = floats(b.gamma, C)[c] if b.gamma else ONE
        saved[3 * width + j] = floats(b.beta, C)[c] if b.beta else ZERO


@kernel
def normalize(b: Normalize, thread: int, team: int) -> None:
    """y = gamma (x - mean) scale + beta, or its maximum with 0."""
    C, width = b.C, b.width
    start, n = share(b.size, C, thread, team)
    mean, scale = floats(b.saved, width), floats(b.saved + 4 * width, width)
    gamma, beta = floats(b.saved + 8 * width, width), floats(b.saved + 12 * width, width)
    for at in range(0, n, width):
        length = min(width, n - at)
        x, y = floats(b.x + 4 * (start + at), length), floats(b.y + 4 * (start + at), length)
        for j in range(length):
            y[j] = (x[j] - mean[j]) * scale[j] * gamma[j] + beta[j]
        if b.relu:
            for j in range(length):
                y[j] = ZERO if y[j] < ZERO else y[j]
