"""Padding of images, channels last: with places of the image itself, or with zeros; and taking it off."""

from __future__ import annotations

from typing import NamedTuple

from koubai.engines.native.kernels.base import floats, inline, kernel, share
from koubai.engines.native.kernels.block import Address
from koubai.engines.native.kernels.functions import ZERO


class Pad(NamedTuple):
    """x (samples, H, W, C) becomes y, by `top` rows above and below and `left` columns left and right."""

    x: Address
    y: Address
    samples: int
    H: int
    W: int
    C: int
    top: int
    left: int
    mirrored: int  # else the places at the edge are repeated


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
def pad(b: Pad, thread: int, team: int) -> None:
    """Every place of y shows one of x."""
    H, W, C, top, left = b.H, b.W, b.C, b.top, b.left
    rows, columns = H + 2 * top, W + 2 * left
    start, count = share(b.samples * rows, 1, thread, team)
    for task in range(start, start + count):
        n, r = task // rows, _shown(task % rows, top, H, b.mirrored)
        for j in range(columns):
            c = _shown(j, left, W, b.mirrored)
            x, y = (
                floats(b.x + 4 * ((n * H + r) * W + c) * C, C),
                floats(b.y + 4 * (task * columns + j) * C, C),
            )
            for k in range(C):
                y[k] = x[k]


@kernel
def pad_backward(b: Pad, thread: int, team: int) -> None:
    """dx = sum of dy over the places that show it."""
    H, W, C, top, left = b.H, b.W, b.C, b.top, b.left
    rows, columns = H + 2 * top, W + 2 * left
    start, count = share(b.samples, 1, thread, team)
    for n in range(start, start + count):
        whole = floats(b.x + 4 * n * H * W * C, H * W * C)
        for k in range(H * W * C):
            whole[k] = ZERO
        for i in range(rows):
            r = _shown(i, top, H, b.mirrored)
            for j in range(columns):
                c = _shown(j, left, W, b.mirrored)
                dx = floats(b.x + 4 * ((n * H + r) * W + c) * C, C)
                dy = floats(b.y + 4 * ((n * rows + i) * columns + j) * C, C)
                for k in range(C):
                    dx[k] += dy[k]


@kernel
def surround(b: Pad, thread: int, team: int) -> None:
    """Put zeros around every image."""
    H, W, C, top, left = b.H, b.W, b.C, b.top, b.left
    out_row = (W + 2 * left) * C
    start, count = share(b.samples, 1, thread, team)
    for n in range(start, start + count):
        for r in range(H + 2 * top):
            y = floats(b.y + 4 * (n * (H + 2 * top) + r) * out_row, out_row)
            if r < top or r >= top + H:
                for j in range(out_row):
                    y[j] = ZERO
            else:
                x = floats(b.x + 4 * (n * H + r - top) * W * C, W * C)
                middle = floats(b.y + 4 * ((n * (H + 2 * top) + r) * out_row + left * C), W * C)
                for j in range(left * C):
                    y[j] = ZERO
                    y[out_row - 1 - j] = ZERO
                for j in range(W * C):
                    middle[j] = x[j]


@kernel
def cut(b: Pad, thread: int, team: int) -> None:
    """x is the middle of every image of y."""
    H, W, C, top, left = b.H, b.W, b.C, b.top, b.left
    columns = W + 2 * left
    start, count = share(b.samples * H, 1, thread, team)
    for task in range(start, start + count):
        n, r = task // H, task % H
        x = floats(b.x + 4 * task * W * C, W * C)
        middle = floats(b.y + 4 * ((n * (H + 2 * top) + r + top) * columns + left) * C, W * C)
        for j in range(W * C):
            x[j] = middle[j]
