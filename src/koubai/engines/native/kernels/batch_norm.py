"""Batch normalization of a matrix whose rows end with the channels (channels last: a row a place).

To keep inner loops long, several rows are taken as one of `width` numbers, a multiple m of the C channels;
what belongs to a channel is written m times. The batch is shared by all threads of all lanes: each leaves its
sums in a slot of its own, and after a barrier all of them read all slots.

Slot of the statistics: [count, mean of each channel, sum of squared deviations of each channel]; of the
backward sums: [sum dy, sum dy x_hat]; float64. Partial means and squares are joined as in Chan, Golub,
LeVeque 1983, eqs. (1.5).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float32

from koubai.engines.native.kernels.base import doubles, floats, inline, kernel, number, share, words
from koubai.engines.native.kernels.functions import ONE, ZERO

_ROWS = 64  # rows summed in float32 before the sum goes to float64


@inline
def _fold(row: Any, total: Any, C: int, width: int) -> None:
    """Add the copies of each channel to its total, and clear them."""
    for j in range(0, width, C):
        for c in range(C):
            total[c] += row[j + c]
    for j in range(width):
        row[j] = ZERO


@kernel
def statistics(args: int, thread: int, team: int) -> None:
    """Mean and squared deviations of this thread's rows: (x, slots, scratch, count, C, width, lane).

    `scratch` has 2 rows of `width` for each thread.
    """
    a = words(args, 7)
    C, width = a[4], a[5]
    start, n = share(a[3], C, thread, team)
    x_at = a[0] + 4 * start
    slot = a[1] + 8 * (a[6] + thread) * (2 * C + 1)
    head, mean, square = doubles(slot, 1), doubles(slot + 8, C), doubles(slot + 8 * (C + 1), C)
    sums, middle = (
        floats(a[2] + 8 * thread * width, width),
        floats(a[2] + 8 * thread * width + 4 * width, width),
    )
    rows = n // C
    head[0] = rows
    for c in range(C):
        mean[c] = 0.0
        square[c] = 0.0
    for j in range(width):
        sums[j] = ZERO
    for begin in range(0, n, _ROWS * width):
        for at in range(begin, min(n, begin + _ROWS * width), width):
            length = min(width, n - at)
            x = floats(x_at + 4 * at, length)
            for j in range(length):
                sums[j] += x[j]
        _fold(sums, mean, C, width)
    for c in range(C):
        mean[c] /= max(rows, 1)
    for j in range(0, width, C):
        for c in range(C):
            middle[j + c] = float32(mean[c])
    for begin in range(0, n, _ROWS * width):
        for at in range(begin, min(n, begin + _ROWS * width), width):
            length = min(width, n - at)
            x = floats(x_at + 4 * at, length)
            for j in range(length):
                d = x[j] - middle[j]
                sums[j] += d * d
        _fold(sums, square, C, width)
    for c in range(C):  # deviations were taken from the rounded mean
        d = mean[c] - np.float64(float32(mean[c]))
        square[c] -= rows * d * d


@kernel
def combine(args: int, thread: int, team: int) -> None:
    """Statistics of the whole batch, and the running ones; run by one thread.

    (slots, saved, gamma, beta, running mean, running variance, C, width, number of slots, whether to update
    the running statistics, momentum, epsilon). `saved` has 4 rows of `width`: mean, scale, gamma, beta; an
    address of 0 for gamma and beta stands for 1 and 0.
    """
    a = words(args, 10)
    C, width, slots = a[6], a[7], a[8]
    keep, epsilon = float32(number(args, 10)), float32(number(args, 11))
    leave = float32(1.0 - number(args, 10))
    size = 8 * (2 * C + 1)
    saved = floats(a[1], 4 * width)
    total = 0.0
    for s in range(slots):
        total += doubles(a[0] + s * size, 1)[0]
    for c in range(C):
        mean = 0.0
        for s in range(slots):
            mean += doubles(a[0] + s * size, 1)[0] * doubles(a[0] + s * size + 8, C)[c]
        mean /= max(total, 1.0)
        square = 0.0
        for s in range(slots):
            d = doubles(a[0] + s * size + 8, C)[c] - mean
            square += doubles(a[0] + s * size + 8 * (C + 1), C)[c] + doubles(a[0] + s * size, 1)[0] * d * d
        variance = float32(square / max(total, 1.0))
        saved[c] = float32(mean)
        saved[width + c] = ONE / np.sqrt(variance + epsilon)
        saved[2 * width + c] = floats(a[2], C)[c] if a[2] else ONE
        saved[3 * width + c] = floats(a[3], C)[c] if a[3] else ZERO
        if a[9] and total >= 2.0:
            running, spread = floats(a[4], C), floats(a[5], C)
            running[c] = keep * running[c] + leave * saved[c]
            spread[c] = keep * spread[c] + leave * variance * float32(total / (total - 1.0))
    for j in range(C, width):
        for k in range(4):
            saved[k * width + j] = saved[k * width + j % C]


@kernel
def from_running(args: int, thread: int, team: int) -> None:
    """Statistics as at test time: (running mean, running variance, saved, gamma, beta, C, width, epsilon)."""
    a = words(args, 7)
    C, width = a[5], a[6]
    epsilon = float32(number(args, 7))
    saved, mean, variance = floats(a[2], 4 * width), floats(a[0], C), floats(a[1], C)
    for j in range(width):
        c = j % C
        saved[j] = mean[c]
        saved[width + j] = ONE / np.sqrt(variance[c] + epsilon)
        saved[2 * width + j] = floats(a[3], C)[c] if a[3] else ONE
        saved[3 * width + j] = floats(a[4], C)[c] if a[4] else ZERO


@kernel
def normalize(args: int, thread: int, team: int) -> None:
    """y = gamma (x - mean) scale + beta, or its maximum with 0: (x, y, saved, count, C, width, relu)."""
    a = words(args, 7)
    C, width = a[4], a[5]
    start, n = share(a[3], C, thread, team)
    mean, scale = floats(a[2], width), floats(a[2] + 4 * width, width)
    gamma, beta = floats(a[2] + 8 * width, width), floats(a[2] + 12 * width, width)
    for at in range(0, n, width):
        length = min(width, n - at)
        x, y = floats(a[0] + 4 * (start + at), length), floats(a[1] + 4 * (start + at), length)
        for j in range(length):
            y[j] = (x[j] - mean[j]) * scale[j] * gamma[j] + beta[j]
        if a[6]:
            for j in range(length):
                y[j] = ZERO if y[j] < ZERO else y[j]


@kernel
def backward_sums(args: int, thread: int, team: int) -> None:
    """Sums of dy and of dy x_hat; where y is given, dy becomes 0 first where y is not above 0.

    (x, y or 0, dy, saved, slots, scratch, count, C, width, lane)
    """
    a = words(args, 10)
    C, width = a[7], a[8]
    start, n = share(a[6], C, thread, team)
    mean, scale = floats(a[3], width), floats(a[3] + 4 * width, width)
    slot = a[4] + 16 * (a[9] + thread) * C
    total, total_x = doubles(slot, C), doubles(slot + 8 * C, C)
    sums, sums_x = (
        floats(a[5] + 8 * thread * width, width),
        floats(a[5] + 8 * thread * width + 4 * width, width),
    )
    for c in range(C):
        total[c] = 0.0
        total_x[c] = 0.0
    for j in range(width):
        sums[j] = ZERO
        sums_x[j] = ZERO
    for begin in range(0, n, _ROWS * width):
        for at in range(begin, min(n, begin + _ROWS * width), width):
            length = min(width, n - at)
            x, dy = floats(a[0] + 4 * (start + at), length), floats(a[2] + 4 * (start + at), length)
            if a[1]:
                y = floats(a[1] + 4 * (start + at), length)
                for j in range(length):
                    dy[j] = dy[j] if y[j] > ZERO else ZERO
            for j in range(length):
                sums[j] += dy[j]
                sums_x[j] += dy[j] * ((x[j] - mean[j]) * scale[j])
        _fold(sums, total, C, width)
        _fold(sums_x, total_x, C, width)


@kernel
def backward_combine(args: int, thread: int, team: int) -> None:
    """This lane's dgamma and dbeta, and the means of the batch; run by one thread.

    (slots, saved, means, dgamma or 0, dbeta or 0, C, width, number of slots, lane, slots a lane, rows).
    `means` has 2 rows of `width`: mean of dy, mean of dy x_hat.
    """
    a = words(args, 11)
    C, width, slots = a[5], a[6], a[7]
    means = floats(a[2], 2 * width)
    for c in range(C):
        total, total_x, own, own_x = 0.0, 0.0, 0.0, 0.0
        for s in range(slots):
            slot = doubles(a[0] + 16 * s * C, 2 * C)
            total += slot[c]
            total_x += slot[C + c]
            if s >= a[8] and s < a[8] + a[9]:
                own += slot[c]
                own_x += slot[C + c]
        if a[3]:
            floats(a[3], C)[c] = float32(own_x)
            floats(a[4], C)[c] = float32(own)
        for j in range(c, width, C):
            means[j] = float32(total / a[10])
            means[width + j] = float32(total_x / a[10])


@kernel
def backward(args: int, thread: int, team: int) -> None:
    """dx = gamma scale (dy - mean of dy - x_hat (mean of dy x_hat)), in the place of dy.

    (x, dy, saved, means, count, C, width)
    """
    a = words(args, 7)
    C, width = a[5], a[6]
    start, n = share(a[4], C, thread, team)
    mean, scale, gamma = floats(a[2], width), floats(a[2] + 4 * width, width), floats(a[2] + 8 * width, width)
    mean_dy, mean_dy_x = floats(a[3], width), floats(a[3] + 4 * width, width)
    for at in range(0, n, width):
        length = min(width, n - at)
        x, dy = floats(a[0] + 4 * (start + at), length), floats(a[1] + 4 * (start + at), length)
        for j in range(length):
            x_hat = (x[j] - mean[j]) * scale[j]
            dy[j] = (dy[j] - mean_dy[j] - x_hat * mean_dy_x[j]) * (scale[j] * gamma[j])
