"""Maximum pooling.

`places`, one byte an output, is the number of the maximum in its window, or NOWHERE if max(0, x) lets no
gradient through. Windows of two by two, by far the most frequent, have loops of their own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import float32

from koubai.engines.native.kernels.base import floats, inline, kernel, share, small
from koubai.engines.native.kernels.block import Address
from koubai.engines.native.kernels.functions import ONE, TWO, ZERO
from koubai.engines.native.kernels.pool import (
    Pool,
    channels,
    clear_sample,
    sample_words,
    window_columns,
    window_rows,
)
from koubai.engines.native.kernels.simd import (
    LANES,
    absolute,
    any_lane,
    beats,
    differs,
    multiply_add,
    select,
    splat,
    unordered,
)
from koubai.engines.native.kernels.simd_memory import (
    load_bytes,
    load_half,
    load_up_to,
    store_bytes,
    store_half,
    store_up_to,
)
from koubai.engines.native.kernels.sums import (
    MASKS,
    OF_MAGNITUDES,
    OF_MOMENTS,
    TILE,
    add_moments,
    block,
    clear,
    keep_magnitudes,
    trusted,
)

_LOWEST, _THREE = np.float32(-np.inf), np.float32(3)
NOWHERE = 255  # windows are smaller (builder.py)
_NOWHERE = np.float32(NOWHERE)


@inline
def _load(base: int, index: int, width: int, half: bool) -> Any:
    return load_half(base + 2 * index, width) if half else load_up_to(base + 4 * index, width)


@inline
def _store(base: int, index: int, value: Any, width: int, half: bool) -> None:
    if half:
        store_half(base + 2 * index, value, width)
    else:
        store_up_to(base + 4 * index, value, width)


@inline
def _put(b: Pool, out: int, best: Any, where: Any, width: int, half: bool) -> None:
    """Write a maximum and its place."""
    if b.flag:  # NaN stays NaN, and passes no gradient
        where = select(best > splat(ZERO), where, splat(_NOWHERE))
        best = select(best < splat(ZERO), splat(ZERO), best)
    _store(b.y, out, best, width, half)
    store_bytes(b.places + out, where, width)


@inline
def _fours(b: Pool, n: int, half: bool) -> bool:
    """Pool a sample in windows of two by two, all inside; return whether a NaN was met, which may be lost."""
    x, w = b.x, b.windows
    C, B, W, P, Q = w.C, w.B, w.W, w.P, w.Q
    zero, one, two, three = splat(ZERO), splat(ONE), splat(TWO), splat(_THREE)
    nan = differs(zero, zero)
    for p in range(P):
        for c in range(0, C, LANES):
            width, skip = channels(w, c)
            at, out = n * sample_words(w) + skip + p * w.SH * W * B, (n * P + p) * Q * C + c
            for _ in range(Q):
                top, right = _load(x, at, width, half), _load(x, at + B, width, half)
                low, last = _load(x, at + W * B, width, half), _load(x, at + W * B + B, width, half)
                nan = nan | unordered(top, right) | unordered(low, last)
                wins, also = right > top, last > low
                best, where = select(wins, right, top), select(wins, one, zero)
                lower, there = select(also, last, low), select(also, three, two)
                wins = lower > best
                _put(b, out, select(wins, lower, best), select(wins, there, where), width, half)
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
            corner = n * sample_words(w) + (top * W + left) * B
            for c in range(0, C, LANES):
                width, at = channels(w, c)
                best, where = splat(_LOWEST), splat(ZERO)
                for i in range(i0, i1):
                    for j in range(j0, j1):
                        other = _load(x, corner + at + (i * W + j) * B, width, half)
                        wins = beats(other, best)
                        best = select(wins, other, best)
                        where = select(wins, splat(float32(i * w.KW + j)), where)
                _put(b, ((n * P + p) * Q + q) * C + c, best, where, width, half)


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
    x_sample, y_sample, masks = sample_words(w), w.C * w.P * w.Q, b.masks + MASKS * thread
    x_out, y_out = block(b.control, thread, b.x_at), block(b.control, thread, b.y_at)
    clear(x_out, 2 * OF_MOMENTS if b.x_above else OF_MOMENTS)
    clear(y_out, 2 * OF_MOMENTS if b.y_above else OF_MOMENTS)
    start, count = share(w.samples, 1, thread, team)
    for n in range(start, start + count):
        add_moments(pool.x + 4 * n * x_sample, x_sample, b.x_above, masks, x_out)
        _max_pool_sample(pool, n, False)
        add_moments(pool.y + 4 * n * y_sample, y_sample, b.y_above, masks, y_out)


@inline
def _add_passing(dy: Any, where: Any, sums: Any) -> Any:
    """Add to the sums of |dy|, dy^2, and of both where dy passes."""
    (sizes, squares, passed, passed_squares), size, passes = sums, absolute(dy), where < splat(_NOWHERE)
    return (
        sizes + size,
        multiply_add(dy, dy, squares),
        select(passes, passed + size, passed),
        select(passes, multiply_add(dy, dy, passed_squares), passed_squares),
    )


@inline
def _scatter_fours(b: Pool, n: int, first: int, last: int, half: bool) -> Any:
    """dx of a sample from rows of windows of two by two that cover x; return what `_add_passing` adds up."""
    dx, w = b.x, b.windows
    C, B, W, P, Q = w.C, w.B, w.W, w.P, w.Q
    zero, one, two, three = splat(ZERO), splat(ONE), splat(TWO), splat(_THREE)
    sums = (zero, zero, zero, zero)
    for p in range(first, last):
        for c in range(0, C, LANES):
            width, skip = channels(w, c)
            full = LANES if B == LANES else width
            to, out = n * sample_words(w) + skip + 2 * p * W * B, (n * P + p) * Q * C + c
            for _ in range(Q):
                dy, where = _load(b.y, out, width, half), load_bytes(b.places + out, width)
                sums = _add_passing(dy, where, sums)
                _store(dx, to, select(where == zero, dy, zero), full, half)
                _store(dx, to + B, select(where == one, dy, zero), full, half)
                _store(dx, to + W * B, select(where == two, dy, zero), full, half)
                _store(dx, to + W * B + B, select(where == three, dy, zero), full, half)
                to, out = to + 2 * B, out + C
    return sums


@inline
def _scatter(b: Pool, n: int, first: int, last: int, half: bool) -> Any:
    """The same for windows of any size."""
    w, fresh = b.windows, b.flag
    C, B, W, P, Q = w.C, w.B, w.W, w.P, w.Q
    zero = splat(ZERO)
    sums = (zero, zero, zero, zero)
    for p in range(first, last):
        top, i0, i1 = window_rows(w, p)
        for q in range(Q):
            left, j0, j1 = window_columns(w, q)
            corner = n * sample_words(w) + (top * W + left) * B
            for c in range(0, C, LANES):
                width, at = channels(w, c)
                out = ((n * P + p) * Q + q) * C + c
                dy, where = _load(b.y, out, width, half), load_bytes(b.places + out, width)
                sums = _add_passing(dy, where, sums)
                for i in range(i0, i1):
                    for j in range(j0, j1):
                        to = corner + at + (i * W + j) * B
                        dx = select(where == splat(float32(i * w.KW + j)), dy, zero)
                        if not fresh:
                            dx = _load(b.x, to, width, half) + dx
                        _store(b.x, to, dx, LANES if fresh and B == LANES else width, half)
    return sums


@inline
def _backward_rows(b: Pool, n: int, first: int, last: int, half: bool) -> Any:
    if b.flag and b.windows.KH == 2 and b.windows.KW == 2:
        return _scatter_fours(b, n, first, last, half)
    return _scatter(b, n, first, last, half)


@inline
def _max_pool_backward(b: Pool, thread: int, team: int, half: bool) -> None:
    start, count = share(b.windows.samples, 1, thread, team)
    for n in range(start, start + count):
        if not b.flag:
            clear_sample(b, n, half)
        _backward_rows(b, n, 0, b.windows.P, half)


@kernel
def max_pool_backward(b: Pool, thread: int, team: int) -> None:
    """dx[place] += dy; the flag says that windows cover x without overlap, so that each is written once.

    Where x lies in blocks of 16, their padding is written, too.
    """
    _max_pool_backward(b, thread, team, False)


@kernel
def max_pool_backward_half(b: Pool, thread: int, team: int) -> None:
    """The same for bfloat16."""
    _max_pool_backward(b, thread, team, True)


class TappedPoolBackward(NamedTuple):
    """The same backward, and the place of what is taken of dy."""

    pool: Pool
    control: Address
    at: int


@kernel
def max_pool_backward_tapped(b: TappedPoolBackward, thread: int, team: int) -> None:
    """The same as `max_pool_backward`, and the magnitudes of dy, and of what passes max(0, x) of it."""
    pool, w, out = b.pool, b.pool.windows, block(b.control, thread, b.at)
    C, P, Q = w.C, w.P, w.Q
    clear(out, 2 * OF_MAGNITUDES)
    rows = max(1, TILE // (Q * C))
    start, count = share(w.samples, 1, thread, team)
    for n in range(start, start + count):
        if not pool.flag:
            clear_sample(pool, n, False)
        for p in range(0, P, rows):
            last = min(P, p + rows)
            sizes, squares, passed, passed_squares = _backward_rows(pool, n, p, last, False)
            at, size = (n * P + p) * Q * C, (last - p) * Q * C
            keep_magnitudes(squares, sizes, pool.y + 4 * at, size, out)
            if not trusted(passed_squares):  # then dy itself is looked at
                dy, places = floats(pool.y + 4 * at, size), small(pool.places + at, size)
                for i in range(size):
                    dy[i] = dy[i] if places[i] < NOWHERE else ZERO
            keep_magnitudes(passed_squares, passed, pool.y + 4 * at, size, out + 8 * OF_MAGNITUDES)
