"""Copies, sums and changes of layout.

In a layout with channels last, element (c, s) of a sample lies at s C + c; with channels first at c S + s;
in blocks of B channels at ((c // B) S + s) B + c % B, with zeros where the last block has no channel.
"""

from __future__ import annotations

from koubai.engines.native.kernels.base import floats, kernel, share, words
from koubai.engines.native.kernels.functions import ZERO


@kernel
def copy(args: int, thread: int, team: int) -> None:
    """y = x: (x, y, count)."""
    a = words(args, 3)
    start, n = share(a[2], 64, thread, team)
    x, y = floats(a[0] + 4 * start, n), floats(a[1] + 4 * start, n)
    for i in range(n):
        y[i] = x[i]


@kernel
def add(args: int, thread: int, team: int) -> None:
    """y = x1 + x2: (x1, x2, y, count)."""
    a = words(args, 4)
    start, n = share(a[3], 64, thread, team)
    x1, x2, y = floats(a[0] + 4 * start, n), floats(a[1] + 4 * start, n), floats(a[2] + 4 * start, n)
    for i in range(n):
        y[i] = x1[i] + x2[i]


@kernel
def add_into(args: int, thread: int, team: int) -> None:
    """y += x: (x, y, count)."""
    a = words(args, 3)
    start, n = share(a[2], 64, thread, team)
    x, y = floats(a[0] + 4 * start, n), floats(a[1] + 4 * start, n)
    for i in range(n):
        y[i] += x[i]


@kernel
def first_to_last(args: int, thread: int, team: int) -> None:
    """Channels first to channels last: (x, y, samples, C, S)."""
    a = words(args, 5)
    C, S = a[3], a[4]
    start, count = share(a[2], 1, thread, team)
    for n in range(start, start + count):
        y = floats(a[1] + 4 * n * C * S, C * S)
        for c in range(C):
            x = floats(a[0] + 4 * (n * C + c) * S, S)
            for s in range(S):
                y[s * C + c] = x[s]


@kernel
def last_to_first(args: int, thread: int, team: int) -> None:
    """Channels last to channels first: (x, y, samples, C, S)."""
    a = words(args, 5)
    C, S = a[3], a[4]
    start, count = share(a[2], 1, thread, team)
    for n in range(start, start + count):
        x = floats(a[0] + 4 * n * C * S, C * S)
        for c in range(C):
            y = floats(a[1] + 4 * (n * C + c) * S, S)
            for s in range(S):
                y[s] = x[s * C + c]


@kernel
def block_to_last(args: int, thread: int, team: int) -> None:
    """Blocks of B channels to channels last: (x, y, samples, C, S, B)."""
    a = words(args, 6)
    C, S, B = a[3], a[4], a[5]
    blocks = (C + B - 1) // B
    start, count = share(a[2] * blocks, 1, thread, team)
    for task in range(start, start + count):
        n, block = task // blocks, task % blocks
        width = min(B, C - block * B)
        for s in range(S):
            x, y = (
                floats(a[0] + 4 * (task * S + s) * B, B),
                floats(a[1] + 4 * ((n * S + s) * C + block * B), B),
            )
            for c in range(width):
                y[c] = x[c]


@kernel
def last_to_block(args: int, thread: int, team: int) -> None:
    """Channels last to blocks of B channels: (x, y, samples, C, S, B)."""
    a = words(args, 6)
    C, S, B = a[3], a[4], a[5]
    blocks = (C + B - 1) // B
    start, count = share(a[2] * blocks, 1, thread, team)
    for task in range(start, start + count):
        n, block = task // blocks, task % blocks
        width = min(B, C - block * B)
        for s in range(S):
            x, y = (
                floats(a[0] + 4 * ((n * S + s) * C + block * B), B),
                floats(a[1] + 4 * (task * S + s) * B, B),
            )
            for c in range(width):
                y[c] = x[c]
            for c in range(width, B):
                y[c] = ZERO


@kernel
def surround(args: int, thread: int, team: int) -> None:
    """Put zeros around every image, channels last: (x, y, samples, H, W, C, rows added, columns added).

    Rows are added above and below, columns left and right.
    """
    a = words(args, 8)
    H, W, C, top, left = a[3], a[4], a[5], a[6], a[7]
    out_row = (W + 2 * left) * C
    start, count = share(a[2], 1, thread, team)
    for n in range(start, start + count):
        for r in range(H + 2 * top):
            y = floats(a[1] + 4 * (n * (H + 2 * top) + r) * out_row, out_row)
            if r < top or r >= top + H:
                for j in range(out_row):
                    y[j] = ZERO
            else:
                x = floats(a[0] + 4 * (n * H + r - top) * W * C, W * C)
                middle = floats(a[1] + 4 * ((n * (H + 2 * top) + r) * out_row + left * C), W * C)
                for j in range(left * C):
                    y[j] = ZERO
                    y[out_row - 1 - j] = ZERO
                for j in range(W * C):
                    middle[j] = x[j]


@kernel
def columns_in(args: int, thread: int, team: int) -> None:
    """Columns `at` .. of a wider matrix become x: (x, y, rows, columns of x, columns of y, at)."""
    a = words(args, 6)
    start, count = share(a[2], 1, thread, team)
    for r in range(start, start + count):
        x, y = floats(a[0] + 4 * r * a[3], a[3]), floats(a[1] + 4 * (r * a[4] + a[5]), a[3])
        for j in range(a[3]):
            y[j] = x[j]


@kernel
def columns_out(args: int, thread: int, team: int) -> None:
    """x becomes columns `at` .. of a wider matrix y: (x, y, rows, columns of x, columns of y, at)."""
    a = words(args, 6)
    start, count = share(a[2], 1, thread, team)
    for r in range(start, start + count):
        x, y = floats(a[0] + 4 * r * a[3], a[3]), floats(a[1] + 4 * (r * a[4] + a[5]), a[3])
        for j in range(a[3]):
            x[j] = y[j]


@kernel
def mean_over_space(args: int, thread: int, team: int) -> None:
    """Mean of the rows of each sample: (x, y, samples, S, C)."""
    a = words(args, 5)
    S, C = a[3], a[4]
    start, count = share(a[2], 1, thread, team)
    for n in range(start, start + count):
        y = floats(a[1] + 4 * n * C, C)
        for c in range(C):
            y[c] = ZERO
        for s in range(S):
            x = floats(a[0] + 4 * (n * S + s) * C, C)
            for c in range(C):
                y[c] += x[c]
        for c in range(C):
            y[c] /= S


@kernel
def mean_over_space_backward(args: int, thread: int, team: int) -> None:
    """dx = dy / S in every row: (dy, dx, samples, S, C)."""
    a = words(args, 5)
    S, C = a[3], a[4]
    start, count = share(a[2] * S, 1, thread, team)
    for r in range(start, start + count):
        dy, dx = floats(a[0] + 4 * (r // S) * C, C), floats(a[1] + 4 * r * C, C)
        for c in range(C):
            dx[c] = dy[c] / S
