"""Backward batch normalization; batch_norm.py tells what the fields hold."""

from __future__ import annotations

from typing import NamedTuple

from numba import float32

from koubai.engines.native.kernels.base import doubles, floats, kernel, share
from koubai.engines.native.kernels.batch_norm import ROWS, fold
from koubai.engines.native.kernels.block import Address
from koubai.engines.native.kernels.functions import ZERO


class BackwardSums(NamedTuple):
    """Where this shard's sums go; y is 0 where no ReLU masks dy."""

    x: Address
    y: Address
    dy: Address
    saved: Address
    partial: Address
    scratch: Address
    size: int
    C: int
    width: int
    worker: int


class BackwardCombine(NamedTuple):
    """What becomes of all partial sums; `places` is the number of rows of the whole batch."""

    partial: Address
    saved: Address
    means: Address
    dgamma: Address
    dbeta: Address
    C: int
    width: int
    workers: int
    worker: int
    team: int
    places: int


class BatchNormBackward(NamedTuple):
    """dy to dx, in its place."""

    x: Address
    dy: Address
    saved: Address
    means: Address
    size: int
    C: int
    width: int


@kernel
def backward_sums(b: BackwardSums, thread: int, team: int) -> None:
    """Sums of dy and of dy x_hat; where y is given, dy becomes 0 first where y is not above 0."""
    C, width = b.C, b.width
    start, n = share(b.size, C, thread, team)
    mean, scale = floats(b.saved, width), floats(b.saved + 4 * width, width)
    mine = b.partial + 16 * (b.worker + thread) * C
    total, total_x = doubles(mine, C), doubles(mine + 8 * C, C)
    sums, sums_x = (
        floats(b.scratch + 8 * thread * width, width),
        floats(b.scratch + 8 * thread * width + 4 * width, width),
    )
    for c in range(C):
        total[c] = 0.0
        total_x[c] = 0.0
    for j in range(width):
        sums[j] = ZERO
        sums_x[j] = ZERO
    for begin in range(0, n, ROWS * width):
        for at in range(begin, min(n, begin + ROWS * width), width):
            length = min(width, n - at)
            x, dy = floats(b.x + 4 * (start + at), length), floats(b.dy + 4 * (start + at), length)
            if b.y:
                y = floats(b.y + 4 * (start + at), length)
                for j in range(length):
                    dy[j] = dy[j] if y[j] > ZERO else ZERO
            for j in range(length):
                sums[j] += dy[j]
                sums_x[j] += dy[j] * ((x[j] - mean[j]) * scale[j])
        fold(sums, total, C, width)
        fold(sums_x, total_x, C, width)


@kernel
def backward_combine(b: BackwardCombine, thread: int, team: int) -> None:
    """This shard's dgamma and dbeta, and the means of the batch; run by one thread."""
    C, width, workers = b.C, b.width, b.workers
    means = floats(b.means, 2 * width)
    for c in range(C):
        total, total_x, own, own_x = 0.0, 0.0, 0.0, 0.0
        for s in range(workers):
            theirs = doubles(b.partial + 16 * s * C, 2 * C)
            total += theirs[c]
            total_x += theirs[C + c]
            if s >= b.worker and s < b.worker + b.team:
                own += theirs[c]
                own_x += theirs[C + c]
        if b.dgamma:
            floats(b.dgamma, C)[c] = float32(own_x)
            floats(b.dbeta, C)[c] = float32(own)
        for j in range(c, width, C):
            means[j] = float32(total / b.places)
            means[width + j] = float32(total_x / b.places)


@kernel
def backward(b: BatchNormBackward, thread: int, team: int) -> None:
    """dx = gamma scale (dy - mean of dy - x_hat (mean of dy x_hat)), in the place of dy."""
    C, width = b.C, b.width
    start, n = share(b.size, C, thread, team)
    mean, scale, gamma = (
        floats(b.saved, width),
        floats(b.saved + 4 * width, width),
        floats(b.saved + 8 * width, width),
    )
    mean_dy, mean_dy_x = floats(b.means, width), floats(b.means + 4 * width, width)
    for at in range(0, n, width):
        length = min(width, n - at)
        x, dy = floats(b.x + 4 * (start + at), length), floats(b.dy + 4 * (start + at), length)
        for j in range(length):
            x_hat = (x[j] - mean[j]) * scale[j]
            dy[j] = (dy[j] - mean_dy[j] - x_hat * mean_dy_x[j]) * (scale[j] * gamma[j])
