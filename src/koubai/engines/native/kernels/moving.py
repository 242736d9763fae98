"""Copies, sums and changes of layout.

In a layout with channels last, element (c, s) of a sample lies at s C + c; with channels first at c S + s;
in blocks of B channels at ((c // B) S + s) B + c % B, with zeros where the last block has no channel.
"""

from __future__ import annotations

from typing import NamedTuple

from koubai.engines.native.kernels.base import floats, kernel, share
from koubai.engines.native.kernels.block import Address
from koubai.engines.native.kernels.functions import ZERO


class Copy(NamedTuple):
    """Elements of x, and as many of y."""

    x: Address
    y: Address
    size: int


class Add(NamedTuple):
    """Two addends, and their sum."""

    x1: Address
    x2: Address
    y: Address
    size: int


class Reorder(NamedTuple):
    """x becomes y, (samples, C, S); B is the size of a block where one has blocks."""

    x: Address
    y: Address
    samples: int
    C: int
    S: int
    B: int


class Columns(NamedTuple):
    """x (rows, width) is the columns from `at` on of y (rows, of)."""

    x: Address
    y: Address
    rows: int
    width: int
    of: int
    at: int


class Mean(NamedTuple):
    """From x (samples, S, C) to y (samples, C); backward from dy to dx."""

    x: Address
    y: Address
    samples: int
    S: int
    C: int


@kernel
def copy(b: Copy, thread: int, team: int) -> None:
    """y = x."""
    start, n = share(b.size, 64, thread, team)
    x, y = floats(b.x + 4 * start, n), floats(b.y + 4 * start, n)
    for i in range(n):
        y[i] = x[i]


@kernel
def add(b: Add, thread: int, team: int) -> None:
    """y = x1 + x2."""
    start, n = share(b.size, 64, thread, team)
    x1, x2, y = floats(b.x1 + 4 * start, n), floats(b.x2 + 4 * start, n), floats(b.y + 4 * start, n)
    for i in range(n):
        y[i] = x1[i] + x2[i]


@kernel
def add_into(b: Copy, thread: int, team: int) -> None:
    """y += x."""
    start, n = share(b.size, 64, thread, team)
    x, y = floats(b.x + 4 * start, n), floats(b.y + 4 * start, n)
    for i in range(n):
        y[i] += x[i]


@kernel
def first_to_last(b: Reorder, thread: int, team: int) -> None:
    """Channels first to channels last."""
    C, S = b.C, b.S
    start, count = share(b.samples, 1, thread, team)
    for n in range(start, start + count):
        y = floats(b.y + 4 * n * C * S, C * S)
        for c in range(C):
            x = floats(b.x + 4 * (n * C + c) * S, S)
            for s in range(S):
                y[s * C + c] = x[s]


@kernel
def last_to_first(b: Reorder, thread: int, team: int) -> None:
    """Channels last to channels first."""
    C, S = b.C, b.S
    start, count = share(b.samples, 1, thread, team)
    for n in range(start, start + count):
        x = floats(b.x + 4 * n * C * S, C * S)
        for c in range(C):
            y = floats(b.y + 4 * (n * C + c) * S, S)
            for s in range(S):
                y[s] = x[s * C + c]


@kernel
def block_to_last(b: Reorder, thread: int, team: int) -> None:
    """Blocks of B channels to channels last."""
    C, S, B = b.C, b.S, b.B
    blocks = (C + B - 1) // B
    start, count = share(b.samples * blocks, 1, thread, team)
    for task in range(start, start + count):
        n, block = task // blocks, task % blocks
        width = min(B, C - block * B)
        for s in range(S):
            x, y = (
                floats(b.x + 4 * (task * S + s) * B, B),
                floats(b.y + 4 * ((n * S + s) * C + block * B), B),
            )
            for c in range(width):
                y[c] = x[c]


@kernel
def last_to_block(b: Reorder, thread: int, team: int) -> None:
    """Channels last to blocks of B channels."""
    C, S, B = b.C, b.S, b.B
    blocks = (C + B - 1) // B
    start, count = share(b.samples * blocks, 1, thread, team)
    for task in range(start, start + count):
        n, block = task // blocks, task % blocks
        width = min(B, C - block * B)
        for s in range(S):
            x, y = (
                floats(b.x + 4 * ((n * S + s) * C + block * B), B),
                floats(b.y + 4 * (task * S + s) * B, B),
            )
            for c in range(width):
                y[c] = x[c]
            for c in range(width, B):
                y[c] = ZERO


@kernel
def columns_in(b: Columns, thread: int, team: int) -> None:
    """Columns `at` .. of a wider matrix become x."""
    start, count = share(b.rows, 1, thread, team)
    for r in range(start, start + count):
        x, y = floats(b.x + 4 * r * b.width, b.width), floats(b.y + 4 * (r * b.of + b.at), b.width)
        for j in range(b.width):
            y[j] = x[j]


@kernel
def columns_out(b: Columns, thread: int, team: int) -> None:
    """x becomes columns `at` .. of a wider matrix y."""
    start, count = share(b.rows, 1, thread, team)
    for r in range(start, start + count):
        x, y = floats(b.x + 4 * r * b.width, b.width), floats(b.y + 4 * (r * b.of + b.at), b.width)
        for j in range(b.width):
            x[j] = y[j]


@kernel
def mean_over_space(b: Mean, thread: int, team: int) -> None:
    """Mean of the rows of each sample."""
    S, C = b.S, b.C
    start, count = share(b.samples, 1, thread, team)
    for n in range(start, start + count):
        y = floats(b.y + 4 * n * C, C)
        for c in range(C):
            y[c] = ZERO
        for s in range(S):
            x = floats(b.x + 4 * (n * S + s) * C, C)
            for c in range(C):
                y[c] += x[c]
        for c in range(C):
            y[c] /= S


@kernel
def mean_over_space_backward(b: Mean, thread: int, team: int) -> None:
    """dx = dy / S in every row."""
    S, C = b.S, b.C
    start, count = share(b.samples * S, 1, thread, team)
    for r in range(start, start + count):
        dy, dx = floats(b.x + 4 * (r // S) * C, C), floats(b.y + 4 * r * C, C)
        for c in range(C):
            dx[c] = dy[c] / S
