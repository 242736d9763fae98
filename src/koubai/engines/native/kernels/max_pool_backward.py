"""The adjoint of maximum pooling: dy goes to the places of the maxima."""

from __future__ import annotations

from typing import Any, NamedTuple

from numba import float32

from koubai.engines.native.kernels.base import floats, inline, kernel, share, small
from koubai.engines.native.kernels.block import Address
from koubai.engines.native.kernels.functions import ONE, TWO, ZERO
from koubai.engines.native.kernels.max_pool import NO_PLACE, NOWHERE, THREE, load_numbers, store_numbers
from koubai.engines.native.kernels.pool import (
    Pool,
    channels,
    clear_sample,
    sample_elements,
    window_columns,
    window_rows,
)
from koubai.engines.native.kernels.simd import LANES, absolute, multiply_add, select, splat
from koubai.engines.native.kernels.simd_memory import load_bytes
from koubai.engines.native.kernels.sums import OF_MAGNITUDES, TILE, block, clear, keep_magnitudes, trusted


@inline
def _add_passing(dy: Any, where: Any, sums: Any) -> Any:
    """Add to the sums of |dy|, dy^2, and of both where dy passes."""
    (sizes, squares, passed, passed_squares), size, passes = sums, absolute(dy), where < splat(NO_PLACE)
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
    zero, one, two, three = splat(ZERO), splat(ONE), splat(TWO), splat(THREE)
    sums = (zero, zero, zero, zero)
    for p in range(first, last):
        for c in range(0, C, LANES):
            width, skip = channels(w, c)
            full = LANES if B == LANES else width
            to, out = n * sample_elements(w) + skip + 2 * p * W * B, (n * P + p) * Q * C + c
            for _ in range(Q):
                dy, where = load_numbers(b.y, out, width, half), load_bytes(b.places + out, width)
                sums = _add_passing(dy, where, sums)
                store_numbers(dx, to, select(where == zero, dy, zero), full, half)
                store_numbers(dx, to + B, select(where == one, dy, zero), full, half)
                store_numbers(dx, to + W * B, select(where == two, dy, zero), full, half)
                store_numbers(dx, to + W * B + B, select(where == three, dy, zero), full, half)
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
            corner = n * sample_elements(w) + (top * W + left) * B
            for c in range(0, C, LANES):
                width, at = channels(w, c)
                out = ((n * P + p) * Q + q) * C + c
                dy, where = load_numbers(b.y, out, width, half), load_bytes(b.places + out, width)
                sums = _add_passing(dy, where, sums)
                for i in range(i0, i1):
                    for j in range(j0, j1):
                        to = corner + at + (i * W + j) * B
                        dx = select(where == splat(float32(i * w.KW + j)), dy, zero)
                        if not fresh:
                            dx = load_numbers(b.x, to, width, half) + dx
                        store_numbers(b.x, to, dx, LANES if fresh and B == LANES else width, half)
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
