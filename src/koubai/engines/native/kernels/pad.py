"""Padding with places of the picture itself, channels last."""

from __future__ import annotations

from koubai.engines.native.kernels.base import floats, inline, kernel, share, words
from koubai.engines.native.kernels.functions import ZERO


@inline
def _shown(at: int, before: int, n: int, mirrored: int) -> int:
    """The place of an axis of n that place `at` of the padded axis shows."""
    place = at - before
    if mirrored:
        place = -place if place < 0 else place
        return 2 * (n - 1) - place if place > n - 1 else place
    place = 0 if place < 0 else place
    return n - 1 if place > n - 1 else place


@kernel
def pad(args: int, thread: int, team: int) -> None:
    """Every place of y shows one of x: (x, y, samples, H, W, C, rows added, columns added, mirrored)."""
    a = words(args, 9)
    H, W, C, top, left = a[3], a[4], a[5], a[6], a[7]
    rows, columns = H + 2 * top, W + 2 * left
    start, count = share(a[2] * rows, 1, thread, team)
    for task in range(start, start + count):
        n, r = task // rows, _shown(task % rows, top, H, a[8])
        for j in range(columns):
            c = _shown(j, left, W, a[8])
            x, y = (
                floats(a[0] + 4 * ((n * H + r) * W + c) * C, C),
                floats(a[1] + 4 * (task * columns + j) * C, C),
            )
            for k in range(C):
                y[k] = x[k]


@kernel
def pad_backward(args: int, thread: int, team: int) -> None:
    """dx = sum of dy over the places that show it: (dy, dx, samples, H, W, C, rows, columns, mirrored)."""
    a = words(args, 9)
    H, W, C, top, left = a[3], a[4], a[5], a[6], a[7]
    rows, columns = H + 2 * top, W + 2 * left
    start, count = share(a[2], 1, thread, team)
    for n in range(start, start + count):
        whole = floats(a[1] + 4 * n * H * W * C, H * W * C)
        for k in range(H * W * C):
            whole[k] = ZERO
        for i in range(rows):
            r = _shown(i, top, H, a[8])
            for j in range(columns):
                c = _shown(j, left, W, a[8])
                dx = floats(a[1] + 4 * ((n * H + r) * W + c) * C, C)
                dy = floats(a[0] + 4 * ((n * rows + i) * columns + j) * C, C)
                for k in range(C):
                    dx[k] += dy[k]
