"""PReLU, channels last: every row holds a number of each channel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import float32

from koubai.engines.native.kernels.base import floats, kernel, share
from koubai.engines.native.kernels.block import Address
from koubai.engines.native.kernels.functions import ZERO


class PReLU(NamedTuple):
    """x to y, (rows, C); backward dy becomes dx in the place of y, and da comes in that of the slopes."""

    x: Address
    y: Address
    slope: Address
    rows: int
    C: int
    step: int  # from one channel's slope to the next's: 1, or 0 where they share one


@kernel
def prelu(b: PReLU, thread: int, team: int) -> None:
    """y = x for x > 0, else slope x."""
    C, step = b.C, b.step
    slope = floats(b.slope, (C - 1) * step + 1)
    start, count = share(b.rows, 1, thread, team)
    for r in range(start, start + count):
        x, y = floats(b.x + 4 * r * C, C), floats(b.y + 4 * r * C, C)
        for c in range(C):
            y[c] = x[c] if x[c] > ZERO else slope[c * step] * x[c]


@kernel
def prelu_params(b: PReLU, thread: int, team: int) -> None:
    """da = sum of dy x where x <= 0; split by channels, unless they share one."""
    C, step = b.C, b.step
    start, count = share(C if step else 1, 16, thread, team)
    da = floats(b.slope + 4 * start, count)
    wide = 1 if step else C
    for j in range(count):
        total = np.float64(0)
        for r in range(b.rows):
            at = 4 * (r * C + start + j)
            x, dy = floats(b.x + at, wide), floats(b.y + at, wide)
            for c in range(wide):
                total += np.float64(ZERO if x[c] > ZERO else dy[c] * x[c])
        da[j] = float32(total)


@kernel
def prelu_backward(b: PReLU, thread: int, team: int) -> None:
    """dx = dy or slope dy."""
    C, step = b.C, b.step
    slope = floats(b.slope, (C - 1) * step + 1)
    start, count = share(b.rows, 1, thread, team)
    for r in range(start, start + count):
        x, dy = floats(b.x + 4 * r * C, C), floats(b.y + 4 * r * C, C)
        for c in range(C):
            dy[c] = dy[c] if x[c] > ZERO else slope[c * step] * dy[c]
