"""Pooling of windows, two space axes (a single one counts as H = 1).

The input lies in blocks of B channels, 16 or all of them (channels last); the output has channels last.
Arguments: (x, y, places, samples, C, B, H, W, P, Q, kernel, stride, padding (2 words each), flag), the
output being P x Q. Backward kernels write dx in the place of x from dy in the place of y. `places`, one byte
an output, is the number of the maximum in its window.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float32

from koubai.engines.native.kernels.base import inline, kernel, share, small, words
from koubai.engines.native.kernels.functions import ONE, TWO, ZERO
from koubai.engines.native.kernels.simd import (
    LANES,
    beats,
    load,
    load_bytes,
    load_half,
    load_part,
    select,
    splat,
    store_bytes,
    store_half,
    store_part,
)
from koubai.engines.native.kernels.sums import OF_MOMENTS, ROWS, add_columns, add_up, block, clear, padded

_LOWEST, _THREE = np.float32(-np.inf), np.float32(3)
_ARGUMENTS = 17


@inline
def _rows(a: Any, p: int) -> Any:
    """Of a row of windows: its first row in the input, and which rows of the window lie inside."""
    top = p * a[12] - a[14]
    return top, max(0, -top), min(a[10], a[6] - top)


@inline
def _columns(a: Any, q: int) -> Any:
    left = q * a[13] - a[15]
    return left, max(0, -left), min(a[11], a[7] - left)


@inline
def _channels(c: int, C: int, B: int, space: int) -> Any:
    """Of the up to 16 channels from c on: how many, and the words before them in a sample."""
    return min(LANES, C - c), (c * space if B == LANES else c)


@inline
def _sample_words(a: Any) -> int:
    C, B = a[4], a[5]
    return (C + B - 1) // B * B * a[6] * a[7]


@inline
def _load(base: int, index: int, width: int, half: bool) -> Any:
    if half:
        return load_half(base + 2 * index, width)
    return load(base + 4 * index) if width == LANES else load_part(base + 4 * index, width)


@inline
def _store(base: int, index: int, value: Any, width: int, half: bool) -> None:
    if half:
        store_half(base + 2 * index, value, width)
    else:
        store_part(base + 4 * index, value, width)


@inline
def _later(x: Any, place: Any, best: Any, where: Any) -> Any:
    """The greater of two, and its place: the first, if they are equal."""
    wins = beats(x, best)
    return select(wins, x, best), select(wins, place, where)


@inline
def _four(x: int, at: int, right: int, below: int, width: int, half: bool) -> Any:
    """The maximum of a window of two by two, and its place."""
    zero, one, two, three = splat(ZERO), splat(ONE), splat(TWO), splat(_THREE)
    top, top_at = _later(_load(x, at + right, width, half), one, _load(x, at, width, half), zero)
    low = at + below
    bottom, low_at = _later(_load(x, low + right, width, half), three, _load(x, low, width, half), two)
    return _later(bottom, low_at, top, top_at)


@inline
def _max_pool_sample(a: Any, n: int, half: bool) -> None:
    x, y, places, C, B, W, P, Q, kernel, relu = a[0], a[1], a[2], a[4], a[5], a[7], a[8], a[9], a[11], a[16]
    sample, space, zero, small = _sample_words(a), a[6] * W, splat(ZERO), a[10] == 2 and a[11] == 2
    for p in range(P):
        top, i0, i1 = _rows(a, p)
        for q in range(Q):
            left, j0, j1 = _columns(a, q)
            out = ((n * P + p) * Q + q) * C
            corner = n * sample + (top * W + left) * B
            four = small and i1 - i0 == 2 and j1 - j0 == 2
            for c in range(0, C, LANES):
                width, at = _channels(c, C, B, space)
                at += corner
                best, where = splat(_LOWEST), zero
                if four:
                    best, where = _four(x, at, B, W * B, width, half)
                else:
                    for i in range(i0, i1):
                        for j in range(j0, j1):
                            other = _load(x, at + (i * W + j) * B, width, half)
                            best, where = _later(other, splat(float32(i * kernel + j)), best, where)
                if relu:
                    best = select(best < zero, zero, best)
                _store(y, out + c, best, width, half)
                store_bytes(places + out + c, where, width)


@inline
def _max_pool(args: int, thread: int, team: int, half: bool) -> None:
    a = words(args, _ARGUMENTS)
    start, count = share(a[3], 1, thread, team)
    for n in range(start, start + count):
        _max_pool_sample(a, n, half)


@kernel
def max_pool(args: int, thread: int, team: int) -> None:
    """y = the maximum of each window (of max(0, x) where the flag is set), and its place.

    The first maximum counts; a NaN is a maximum.
    """
    _max_pool(args, thread, team, False)


@kernel
def max_pool_half(args: int, thread: int, team: int) -> None:
    """The same for bfloat16."""
    _max_pool(args, thread, team, True)


@inline
def _tap_sample(at: int, C: int, B: int, space: int, columns: int, above: int) -> None:
    """Add the moments of one sample; a column is a channel, and channels lie in blocks of B."""
    for c in range(0, C, LANES):
        width, skip = _channels(c, C, B, space)
        for s in range(0, space, ROWS):
            x, rows, to = at + 4 * (skip + s * B), min(ROWS, space - s), columns + 8 * c
            add_columns(x, rows, B, width, to, 8 * padded(C), above)


@kernel
def max_pool_tapped(args: int, thread: int, team: int) -> None:
    """The same as `max_pool`, and the moments of x and perhaps y, sample by sample, while it is in the cache.

    Behind the arguments: control, and for each tensor (above, columns, at), as `moments` has them.
    """
    a = words(args, _ARGUMENTS + 7)
    C, B, space, y_space, control = a[4], a[5], a[6] * a[7], a[8] * a[9], a[17]
    x_above, y_above = a[18], a[21]
    room = 8 * 2 * OF_MOMENTS * padded(C)
    x_columns, y_columns = a[19] + room * thread, (a[22] + room * thread if a[22] else 0)
    clear(x_columns, 2 * OF_MOMENTS * padded(C))
    if y_columns:
        clear(y_columns, 2 * OF_MOMENTS * padded(C))
    start, count = share(a[3], 1, thread, team)
    for n in range(start, start + count):
        _tap_sample(a[0] + 4 * n * _sample_words(a), C, B, space, x_columns, x_above)
        _max_pool_sample(a, n, False)
        if y_columns:
            _tap_sample(a[1] + 4 * n * C * y_space, C, C, y_space, y_columns, y_above)
    add_up(x_columns, C, x_above, block(control, thread, a[20]))
    if y_columns:
        add_up(y_columns, C, y_above, block(control, thread, a[23]))


@inline
def _clear(a: Any, n: int, half: bool) -> None:
    """Zeros in a sample of dx."""
    size = _sample_words(a) * (2 if half else 4)
    zeros = small(a[0] + n * size, size)
    for i in range(size):
        zeros[i] = 0


@inline
def _max_pool_backward(args: int, thread: int, team: int, half: bool) -> None:
    a = words(args, _ARGUMENTS)
    C, B, W, P, Q, fresh = a[4], a[5], a[7], a[8], a[9], a[16]
    sample, space, zero = _sample_words(a), a[6] * W, splat(ZERO)
    start, count = share(a[3], 1, thread, team)
    for n in range(start, start + count):
        if not fresh:
            _clear(a, n, half)
        for p in range(P):
            top, i0, i1 = _rows(a, p)
            for q in range(Q):
                left, j0, j1 = _columns(a, q)
                out = ((n * P + p) * Q + q) * C
                corner = n * sample + (top * W + left) * B
                for c in range(0, C, LANES):
                    width, at = _channels(c, C, B, space)
                    dy, where = _load(a[1], out + c, width, half), load_bytes(a[2] + out + c, width)
                    for i in range(i0, i1):
                        for j in range(j0, j1):
                            to = corner + at + (i * W + j) * B
                            dx = select(where == splat(float32(i * a[11] + j)), dy, zero)
                            if not fresh:
                                dx = _load(a[0], to, width, half) + dx
                            _store(a[0], to, dx, LANES if fresh and B == LANES else width, half)


@kernel
def max_pool_backward(args: int, thread: int, team: int) -> None:
    """dx[place] += dy; the flag says that windows cover x without overlap, so that each is written once.

    Where x lies in blocks of 16, their padding is written, too.
    """
    _max_pool_backward(args, thread, team, False)


@kernel
def max_pool_backward_half(args: int, thread: int, team: int) -> None:
    """The same for bfloat16."""
    _max_pool_backward(args, thread, team, True)


@kernel
def average_pool(args: int, thread: int, team: int) -> None:
    """y = the mean of each window; padding counts as zeros."""
    a = words(args, _ARGUMENTS)
    C, B, W, P, Q = a[4], a[5], a[7], a[8], a[9]
    sample, space, elements = _sample_words(a), a[6] * W, splat(float32(a[10] * a[11]))
    start, count = share(a[3], 1, thread, team)
    for n in range(start, start + count):
        for p in range(P):
            top, i0, i1 = _rows(a, p)
            for q in range(Q):
                left, j0, j1 = _columns(a, q)
                corner = a[0] + 4 * (n * sample + (top * W + left) * B)
                for c in range(0, C, LANES):
                    width, at = _channels(c, C, B, space)
                    total = splat(ZERO)
                    for i in range(i0, i1):
                        for j in range(j0, j1):
                            total = total + load_part(corner + 4 * (at + (i * W + j) * B), width)
                    store_part(a[1] + 4 * (((n * P + p) * Q + q) * C + c), total / elements, width)


@kernel
def average_pool_backward(args: int, thread: int, team: int) -> None:
    """dx += dy / K over each window of K elements."""
    a = words(args, _ARGUMENTS)
    C, B, W, P, Q = a[4], a[5], a[7], a[8], a[9]
    sample, space, elements = _sample_words(a), a[6] * W, splat(float32(a[10] * a[11]))
    start, count = share(a[3], 1, thread, team)
    for n in range(start, start + count):
        _clear(a, n, False)
        for p in range(P):
            top, i0, i1 = _rows(a, p)
            for q in range(Q):
                left, j0, j1 = _columns(a, q)
                corner = a[0] + 4 * (n * sample + (top * W + left) * B)
                for c in range(0, C, LANES):
                    width, at = _channels(c, C, B, space)
                    dy = load_part(a[1] + 4 * (((n * P + p) * Q + q) * C + c), width) / elements
                    for i in range(i0, i1):
                        for j in range(j0, j1):
                            to = corner + 4 * (at + (i * W + j) * B)
                            store_part(to, load_part(to, width) + dy, width)
