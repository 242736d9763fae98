"""Maximum pooling.

`places`, one byte an output, is the number of the maximum in its window, or NOWHERE if max(0, x) lets no
gradient through. Windows of two by two, by far the most frequent, have loops of their own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import float32

from koubai.engines.native.kernels.base import inline, kernel, share
from koubai.engines.native.kernels.block import Address
from koubai.engines.native.kernels.functions import ONE, TWO, ZERO
from koubai.engines.native.kernels.pool import Pool, channels, sample_elements, window_columns, window_rows
from koubai.engines.native.kernels.simd import LANES, any_lane, beats, differs, select, splat, unordered
from koubai.engines.native.kernels.simd_memory import (
    load_half,
    load_up_to,
    store_bytes,
    store_half,
    store_up_to,
)
from koubai.engines.native.kernels.sums import MASKS, OF_MOMENTS, add_moments, block, clear

_LOWEST, THREE = np.float32(-np.inf), np.float32(3)
NOWHERE = 255  # windows are smaller (builder.py)
NO_PLACE = np.float32(NOWHERE)


@inline
def load_numbers(base: int, index: int, width: int, half: bool) -> Any:
    """Return `width` numbers from place `index` on."""
    return load_half(base + 2 * index, width) if half else load_up_to(base + 4 * index, width)


@inline
def store_numbers(base: int, index: int, value: Any, width: int, half: bool) -> None:
    """Write `width` numbers from place `index` on."""
    if half:
        store_half(base + 2 * index, value, width)
    else:
        store_up_to(base + 4 * index, value, width)


@inline
def put(b: Pool, out: int, best: Any, where: Any, width: int, half: bool) -> None:
    """Write a maximum and its place."""
    if b.flag:  # NaN stays NaN, and passes no gradient
        where = select(best > splat(ZERO), where, splat(NO_PLACE))
        best = select(best < splat(ZERO), splat(ZERO), best)
    store_numbers(b.y, out, best, width, half)
    store_bytes(b.places + out, where, width)


@inline
def largest_of_four(top: Any, right: Any, low: Any, last: Any) -> Any:
    """The first maximum of a window of two by two, its place, and where a NaN was met, which may be lost."""
    wins, also = right > top, last > low
    best, where = select(wins, right, top), select(wins, splat(ONE), splat(ZERO))
    lower, there = select(also, last, low), select(also, splat(THREE), splat(TWO))
    wins = lower > best
    nan = unordered(top, right) | unordered(low, last)
    return select(wins, lower, best), select(wins, there, where), nan


@inline
def largest_of_any(top: Any, right: Any, low: Any, last: Any) -> Any:
    """The same where numbers may be NaN, which are maxima: the maximum and its place."""
    wins = beats(right, top)
    best, where = select(wins, right, top), select(wins, splat(ONE), splat(ZERO))
    wins = beats(low, best)
    best, where = select(wins, low, best), select(wins, splat(TWO), where)
    wins = beats(last, best)
    return select(wins, last, best), select(wins, splat(THREE), where)


@inline
def _fours(b: Pool, n: int, half: bool) -> bool:
    """Pool a sample in windows of two by two, all inside; return whether a NaN was met, which may be lost."""
    x, w = b.x, b.windows
    C, B, W, P, Q = w.C, w.B, w.W, w.P, w.Q
    nan = differs(splat(ZERO), splat(ZERO))
    for p in range(P):
        for c in range(0, C, LANES):
            width, skip = channels(w, c)
            at, out = n * sample_elements(w) + skip + p * w.SH * W * B, (n * P + p) * Q * C + c
            for _ in range(Q):
                top, right = load_numbers(x, at, width, half), load_numbers(x, at + B, width, half)
                low, last = (
                    load_numbers(x, at + W * B, width, half),
                    load_numbers(x, at + W * B + B, width, half),
                )
                best, where, missed = largest_of_four(top, right, low, last)
                nan = nan | missed
                put(b, out, best, where, width, half)
                at, out = at + w.SW * B, out + C
    return any_lane(nan)


@inline
def _windows(b: Pool, n: int, half: bool) -> None:
    """Pool a sample in windows of any size."""
    x, w = b.x, b.windows
    C, B, W, P, Q = w.C, w.B, w.W, w.P, w.Q
    for p in range(P):
        top, i0, i1 = window_rows(w, p)
        for q in range(Q):
            left, j0, j1 = window_columns(w, q)
            corner = n * sample_elements(w) + (top * W + left) * B
            for c in range(0, C, LANES):
                width, at = channels(w, c)
                best, where = splat(_LOWEST), splat(ZERO)
                for i in range(i0, i1):
                    for j in range(j0, j1):
                        other = load_numbers(x, corner + at + (i * W + j) * B, width, half)
                        wins = beats(other, best)
                        best = select(wins, other, best)
                        where = select(wins, splat(float32(i * w.KW + j)), where)
                put(b, ((n * P + p) * Q + q) * C + c, best, where, width, half)


@inline
def _max_pool_sample(b: Pool, n: int, half: bool) -> None:
    w = b.windows
    fours = w.KH == 2 and w.KW == 2 and w.PH == 0 and w.PW == 0
    if not fours or _fours(b, n, half):
        _windows(b, n, half)


@inline
def _max_pool(b: Pool, thread: int, team: int, half: bool) -> None:
    start, count = share(b.windows.samples, 1, thread, team)
    for n in range(start, start + count):
        _max_pool_sample(b, n, half)


@kernel
def max_pool(b: Pool, thread: int, team: int) -> None:
    """y = the maximum of each window (of max(0, x) where the flag is set), and its place.

    The first maximum counts; a NaN is a maximum.
    """
    _max_pool(b, thread, team, False)


@kernel
def max_pool_half(b: Pool, thread: int, team: int) -> None:
    """The same for bfloat16."""
    _max_pool(b, thread, team, True)


class TappedPool(NamedTuple):
    """A pooling, and where the moments of x and of y go, as `moments` has them (sums.py)."""

    pool: Pool
    masks: Address
    control: Address
    x_above: int
    x_at: int
    y_above: int
    y_at: int


@kernel
def max_pool_tapped(b: TappedPool, thread: int, team: int) -> None:
    """The same as `max_pool`, and the moments of x and y, sample by sample, while they are in the cache."""
    pool, w = b.pool, b.pool.windows
    x_sample, y_sample, masks = sample_elements(w), w.C * w.P * w.Q, b.masks + MASKS * thread
    x_out, y_out = block(b.control, thread, b.x_at), block(b.control, thread, b.y_at)
    clear(x_out, 2 * OF_MOMENTS if b.x_above else OF_MOMENTS)
    clear(y_out, 2 * OF_MOMENTS if b.y_above else OF_MOMENTS)
    start, count = share(w.samples, 1, thread, team)
    for n in range(start, start + count):
        add_moments(pool.x + 4 * n * x_sample, x_sample, b.x_above, masks, x_out)
        _max_pool_sample(pool, n, False)
        add_moments(pool.y + 4 * n * y_sample, y_sample, b.y_above, masks, y_out)
