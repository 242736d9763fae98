"""Maximum pooling (pool.py tells the arguments).

`places`, one byte an output, is the number of the maximum in its window, or NOWHERE if max(0, x) lets no
gradient through. Windows of two by two, by far the most frequent, have loops of their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float32

from koubai.engines.native.kernels.base import floats, inline, kernel, share, small, words
from koubai.engines.native.kernels.functions import ONE, TWO, ZERO
from koubai.engines.native.kernels.pool import (
    ARGUMENTS,
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
def _put(a: Any, out: int, best: Any, where: Any, width: int, half: bool) -> None:
    """Write a maximum and its place."""
    if a[16]:  # NaN stays NaN, and passes no gradient
        where = select(best > splat(ZERO), where, splat(_NOWHERE))
        best = select(best < splat(ZERO), splat(ZERO), best)
    _store(a[1], out, best, width, half)
    store_bytes(a[2] + out, where, width)


@inline
def _fours(a: Any, n: int, half: bool) -> bool:
    """Pool a sample in windows of two by two, all inside; return whether a NaN was met, which may be lost."""
    x, C, B, W, P, Q = a[0], a[4], a[5], a[7], a[8], a[9]
    zero, one, two, three = splat(ZERO), splat(ONE), splat(TWO), splat(_THREE)
    nan = differs(zero, zero)
    for p in range(P):
        for c in range(0, C, LANES):
            width, skip = channels(c, C, B, a[6] * W)
            at, out = n * sample_words(a) + skip + p * a[12] * W * B, (n * P + p) * Q * C + c
            for _ in range(Q):
                top, right = _load(x, at, width, half), _load(x, at + B, width, half)
                low, last = _load(x, at + W * B, width, half), _load(x, at + W * B + B, width, half)
                nan = nan | unordered(top, right) | unordered(low, last)
                wins, also = right > top, last > low
                best, where = select(wins, right, top), select(wins, one, zero)
                lower, there = select(also, last, low), select(also, three, two)
                wins = lower > best
                _put(a, out, select(wins, lower, best), select(wins, there, where), width, half)
                at, out = at + a[13] * B, out + C
    return any_lane(nan)


@inline
def _windows(a: Any, n: int, half: bool) -> None:
    """Pool a sample in windows of any size."""
    x, C, B, W, P, Q, kernel = a[0], a[4], a[5], a[7], a[8], a[9], a[11]
    for p in range(P):
        top, i0, i1 = window_rows(a, p)
        for q in range(Q):
            left, j0, j1 = window_columns(a, q)
            corner = n * sample_words(a) + (top * W + left) * B
            for c in range(0, C, LANES):
                width, at = channels(c, C, B, a[6] * W)
                best, where = splat(_LOWEST), splat(ZERO)
                for i in range(i0, i1):
                    for j in range(j0, j1):
                        other = _load(x, corner + at + (i * W + j) * B, width, half)
                        wins = beats(other, best)
                        best = select(wins, other, best)
                        where = select(wins, splat(float32(i * kernel + j)), where)
                _put(a, ((n * P + p) * Q + q) * C + c, best, where, width, half)


@inline
def _max_pool_sample(a: Any, n: int, half: bool) -> None:
    fours = a[10] == 2 and a[11] == 2 and a[14] == 0 and a[15] == 0
    if not fours or _fours(a, n, half):
        _windows(a, n, half)


@inline
def _max_pool(args: int, thread: int, team: int, half: bool) -> None:
    a = words(args, ARGUMENTS)
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


@kernel
def max_pool_tapped(args: int, thread: int, team: int) -> None:
    """The same as `max_pool`, and the moments of x and y, sample by sample, while they are in the cache.

    Behind the arguments: (masks, control, above and at for x, above and at for y), as `moments` has them.
    """
    a = words(args, ARGUMENTS + 6)
    y_sample, masks = a[4] * a[8] * a[9], a[17] + MASKS * thread
    x_out, y_out = block(a[18], thread, a[20]), block(a[18], thread, a[22])
    clear(x_out, 2 * OF_MOMENTS if a[19] else OF_MOMENTS)
    clear(y_out, 2 * OF_MOMENTS if a[21] else OF_MOMENTS)
    start, count = share(a[3], 1, thread, team)
    for n in range(start, start + count):
        add_moments(a[0] + 4 * n * sample_words(a), sample_words(a), a[19], masks, x_out)
        _max_pool_sample(a, n, False)
        add_moments(a[1] + 4 * n * y_sample, y_sample, a[21], masks, y_out)


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
def _scatter_fours(a: Any, n: int, first: int, last: int, half: bool) -> Any:
    """dx of a sample from rows of windows of two by two that cover x; return what `_add_passing` adds up."""
    dx, C, B, W, P, Q = a[0], a[4], a[5], a[7], a[8], a[9]
    zero, one, two, three = splat(ZERO), splat(ONE), splat(TWO), splat(_THREE)
    sums = (zero, zero, zero, zero)
    for p in range(first, last):
        for c in range(0, C, LANES):
            width, skip = channels(c, C, B, a[6] * W)
            full = LANES if B == LANES else width
            to, out = n * sample_words(a) + skip + 2 * p * W * B, (n * P + p) * Q * C + c
            for _ in range(Q):
                dy, where = _load(a[1], out, width, half), load_bytes(a[2] + out, width)
                sums = _add_passing(dy, where, sums)
                _store(dx, to, select(where == zero, dy, zero), full, half)
                _store(dx, to + B, select(where == one, dy, zero), full, half)
                _store(dx, to + W * B, select(where == two, dy, zero), full, half)
                _store(dx, to + W * B + B, select(where == three, dy, zero), full, half)
                to, out = to + 2 * B, out + C
    return sums


@inline
def _scatter(a: Any, n: int, first: int, last: int, half: bool) -> Any:
    """The same for windows of any size."""
    C, B, W, P, Q, kernel, fresh = a[4], a[5], a[7], a[8], a[9], a[11], a[16]
    zero = splat(ZERO)
    sums = (zero, zero, zero, zero)
    for p in range(first, last):
        top, i0, i1 = window_rows(a, p)
        for q in range(Q):
            left, j0, j1 = window_columns(a, q)
            corner = n * sample_words(a) + (top * W + left) * B
            for c in range(0, C, LANES):
                width, at = channels(c, C, B, a[6] * W)
                out = ((n * P + p) * Q + q) * C + c
                dy, where = _load(a[1], out, width, half), load_bytes(a[2] + out, width)
                sums = _add_passing(dy, where, sums)
                for i in range(i0, i1):
                    for j in range(j0, j1):
                        to = corner + at + (i * W + j) * B
                        dx = select(where == splat(float32(i * kernel + j)), dy, zero)
                        if not fresh:
                            dx = _load(a[0], to, width, half) + dx
                        _store(a[0], to, dx, LANES if fresh and B == LANES else width, half)
    return sums


@inline
def _backward_rows(a: Any, n: int, first: int, last: int, half: bool) -> Any:
    if a[16] and a[10] == 2 and a[11] == 2:
        return _scatter_fours(a, n, first, last, half)
    return _scatter(a, n, first, last, half)


@inline
def _max_pool_backward(args: int, thread: int, team: int, half: bool) -> None:
    a = words(args, ARGUMENTS)
    start, count = share(a[3], 1, thread, team)
    for n in range(start, start + count):
        if not a[16]:
            clear_sample(a, n, half)
        _backward_rows(a, n, 0, a[8], half)


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
def max_pool_backward_tapped(args: int, thread: int, team: int) -> None:
    """The same as `max_pool_backward`, and the magnitudes of dy, and of what passes max(0, x) of it.

    Behind the arguments: (control, at).
    """
    a = words(args, ARGUMENTS + 2)
    C, P, Q, out = a[4], a[8], a[9], block(a[17], thread, a[18])
    clear(out, 2 * OF_MAGNITUDES)
    rows = max(1, TILE // (Q * C))
    start, count = share(a[3], 1, thread, team)
    for n in range(start, start + count):
        if not a[16]:
            clear_sample(a, n, False)
        for p in range(0, P, rows):
            last = min(P, p + rows)
            sizes, squares, passed, passed_squares = _backward_rows(a, n, p, last, False)
            at, size = (n * P + p) * Q * C, (last - p) * Q * C
            keep_magnitudes(squares, sizes, a[1] + 4 * at, size, out)
            if not trusted(passed_squares):  # then dy itself is looked at
                dy, places = floats(a[1] + 4 * at, size), small(a[2] + at, size)
                for i in range(size):
                    dy[i] = dy[i] if places[i] < NOWHERE else ZERO
            keep_magnitudes(passed_squares, passed, a[1] + 4 * at, size, out + 8 * OF_MAGNITUDES)
