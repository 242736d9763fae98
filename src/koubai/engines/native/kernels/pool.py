"""Pooling of windows, two space axes (a single one counts as H = 1).

The input lies in blocks of B channels (channels last is one block of all), the output has channels last.
Arguments: (x, y, places, samples, C, B, H, W, P, Q, kernel, stride, padding (2 words each), flag), the
output being P x Q. Backward kernels write dx in the place of x from dy in the place of y. `places`, one byte
an output, is the number of the maximum in its window.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float32

from koubai.engines.native.kernels.base import floats, inline, kernel, share, small, words
from koubai.engines.native.kernels.functions import ZERO

_LOWEST = np.float32(-np.inf)
_ARGUMENTS = 17


@inline
def _task(a: Any, task: int) -> Any:
    """A sample's block of channels: (sample, first channel, how many, words of the block in x)."""
    C, B = a[4], a[5]
    blocks = (C + B - 1) // B
    n, block = task // blocks, task % blocks
    return n, block * B, min(B, C - block * B), a[6] * a[7] * B


@inline
def _rows(a: Any, p: int) -> Any:
    """Window row p: (its first input row, first and last + 1 element inside the input)."""
    top = p * a[12] - a[14]
    return top, max(0, -top), min(a[10], a[6] - top)


@inline
def _columns(a: Any, q: int) -> Any:
    left = q * a[13] - a[15]
    return left, max(0, -left), min(a[11], a[7] - left)


@inline
def _update(x: Any, y: Any, place: Any, k: int, width: int) -> None:
    """Take x where it beats y; a NaN beats everything."""
    for b in range(width):
        wins = (x[b] > y[b]) | (x[b] != x[b])
        y[b] = x[b] if wins else y[b]
        place[b] = k if wins else place[b]


@kernel
def max_pool(args: int, thread: int, team: int) -> None:
    """y = the maximum of each window (of max(0, x) where the flag is set), and its place.

    The first maximum counts; a NaN is a maximum.
    """
    a = words(args, _ARGUMENTS)
    C, B, W, P, Q = a[4], a[5], a[7], a[8], a[9]
    start, count = share(a[3] * ((C + B - 1) // B), 1, thread, team)
    for task in range(start, start + count):
        n, c, width, size = _task(a, task)
        for p in range(P):
            top, i0, i1 = _rows(a, p)
            for q in range(Q):
                left, j0, j1 = _columns(a, q)
                out = ((n * P + p) * Q + q) * C + c
                y, place = floats(a[1] + 4 * out, width), small(a[2] + out, width)
                for b in range(width):
                    y[b] = _LOWEST
                    place[b] = 0
                for i in range(i0, i1):
                    for j in range(j0, j1):
                        x = floats(a[0] + 4 * (task * size + ((top + i) * W + left + j) * B), B)
                        k = np.uint8(i * a[11] + j)
                        if width == 16:
                            _update(x, y, place, k, 16)
                        else:
                            _update(x, y, place, k, width)
                if a[16]:
                    for b in range(width):
                        y[b] = ZERO if y[b] < ZERO else y[b]


@inline
def _place_back(dx: Any, dy: Any, place: Any, k: int, width: int, fresh: int) -> None:
    if fresh:
        for b in range(width):
            dx[b] = dy[b] if place[b] == k else ZERO
    else:
        for b in range(width):
            dx[b] += dy[b] if place[b] == k else ZERO


@kernel
def max_pool_backward(args: int, thread: int, team: int) -> None:
    """dx[place] += dy; the flag says that windows cover x without overlap, so that all of dx is written."""
    a = words(args, _ARGUMENTS)
    C, B, W, P, Q, fresh = a[4], a[5], a[7], a[8], a[9], a[16]
    start, count = share(a[3] * ((C + B - 1) // B), 1, thread, team)
    for task in range(start, start + count):
        n, c, width, size = _task(a, task)
        if not fresh or width < B:
            zeros = floats(a[0] + 4 * task * size, size)
            for i in range(size):
                zeros[i] = ZERO
        for p in range(P):
            top, i0, i1 = _rows(a, p)
            for q in range(Q):
                left, j0, j1 = _columns(a, q)
                out = ((n * P + p) * Q + q) * C + c
                dy, place = floats(a[1] + 4 * out, width), small(a[2] + out, width)
                for i in range(i0, i1):
                    for j in range(j0, j1):
                        dx = floats(a[0] + 4 * (task * size + ((top + i) * W + left + j) * B), B)
                        k = np.uint8(i * a[11] + j)
                        if width == 16:
                            _place_back(dx, dy, place, k, 16, fresh)
                        else:
                            _place_back(dx, dy, place, k, width, fresh)


@kernel
def average_pool(args: int, thread: int, team: int) -> None:
    """y = the mean of each window; padding counts as zeros."""
    a = words(args, _ARGUMENTS)
    C, B, W, P, Q = a[4], a[5], a[7], a[8], a[9]
    elements = float32(a[10] * a[11])
    start, count = share(a[3] * ((C + B - 1) // B), 1, thread, team)
    for task in range(start, start + count):
        n, c, width, size = _task(a, task)
        for p in range(P):
            top, i0, i1 = _rows(a, p)
            for q in range(Q):
                left, j0, j1 = _columns(a, q)
                y = floats(a[1] + 4 * (((n * P + p) * Q + q) * C + c), width)
                for b in range(width):
                    y[b] = ZERO
                for i in range(i0, i1):
                    for j in range(j0, j1):
                        x = floats(a[0] + 4 * (task * size + ((top + i) * W + left + j) * B), B)
                        for b in range(width):
                            y[b] += x[b]
                for b in range(width):
                    y[b] /= elements


@kernel
def average_pool_backward(args: int, thread: int, team: int) -> None:
    """dx += dy / K over each window of K elements."""
    a = words(args, _ARGUMENTS)
    C, B, W, P, Q = a[4], a[5], a[7], a[8], a[9]
    elements = float32(a[10] * a[11])
    start, count = share(a[3] * ((C + B - 1) // B), 1, thread, team)
    for task in range(start, start + count):
        n, c, width, size = _task(a, task)
        zeros = floats(a[0] + 4 * task * size, size)
        for i in range(size):
            zeros[i] = ZERO
        for p in range(P):
            top, i0, i1 = _rows(a, p)
            for q in range(Q):
                left, j0, j1 = _columns(a, q)
                dy = floats(a[1] + 4 * (((n * P + p) * Q + q) * C + c), width)
                for i in range(i0, i1):
                    for j in range(j0, j1):
                        dx = floats(a[0] + 4 * (task * size + ((top + i) * W + left + j) * B), B)
                        for b in range(width):
                            dx[b] += dy[b] / elements
