"""PReLU, channels last: every row holds a number of each channel."""

from __future__ import annotations

import numpy as np
from numba import float32

from koubai.engines.native.kernels.base import floats, kernel, share, words
from koubai.engines.native.kernels.functions import ZERO


@kernel
def prelu(args: int, thread: int, team: int) -> None:
    """y = x for x > 0, else slope x: (x, y, slope, rows, C, step from one channel's slope to the next's)."""
    a = words(args, 6)
    C, step = a[4], a[5]
    slope = floats(a[2], (C - 1) * step + 1)
    start, count = share(a[3], 1, thread, team)
    for r in range(start, start + count):
        x, y = floats(a[0] + 4 * r * C, C), floats(a[1] + 4 * r * C, C)
        for c in range(C):
            y[c] = x[c] if x[c] > ZERO else slope[c * step] * x[c]


@kernel
def prelu_params(args: int, thread: int, team: int) -> None:
    """da = sum of dy x where x <= 0: (x, dy, da, rows, C, step); split by channels, unless they share one."""
    a = words(args, 6)
    C, step = a[4], a[5]
    start, count = share(C if step else 1, 16, thread, team)
    da = floats(a[2] + 4 * start, count)
    wide = 1 if step else C
    for j in range(count):
        total = np.float64(0)
        for r in range(a[3]):
            at = 4 * (r * C + start + j)
            x, dy = floats(a[0] + at, wide), floats(a[1] + at, wide)
            for c in range(wide):
                total += np.float64(ZERO if x[c] > ZERO else dy[c] * x[c])
        da[j] = float32(total)


@kernel
def prelu_backward(args: int, thread: int, team: int) -> None:
    """dx = dy or slope dy, in the place of dy: (x, dy, slope, rows, C, step)."""
    a = words(args, 6)
    C, step = a[4], a[5]
    slope = floats(a[2], (C - 1) * step + 1)
    start, count = share(a[3], 1, thread, team)
    for r in range(start, start + count):
        x, dy = floats(a[0] + 4 * r * C, C), floats(a[1] + 4 * r * C, C)
        for c in range(C):
            dy[c] = dy[c] if x[c] > ZERO else slope[c * step] * dy[c]
