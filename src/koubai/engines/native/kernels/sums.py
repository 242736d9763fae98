"""What a tap takes of a tensor, in one pass (see koubai.core.taps).

A pass leaves float64 numbers in the block of its worker: where, the control block says. Over a tile the sums
stay in vector registers, in float32; then they are added to float64 ones. A tile whose squares leave
float32's range is taken again, number by number, in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from koubai.engines.native.kernels.base import (
    SUMS,
    SUMS_STRIDE,
    doubles,
    floats,
    inline,
    kernel,
    share,
    words,
)
from koubai.engines.native.kernels.functions import ONE, ZERO
from koubai.engines.native.kernels.simd import (
    LANES,
    absolute,
    add_to_doubles,
    any_lane,
    differs,
    load,
    load_part,
    multiply_add,
    select,
    splat,
    store,
    store_part,
    total_of,
)

# What a pass leaves: the first of these for magnitudes, and for moments, and for those of max(0, x), too.
MAGNITUDES, SQUARES, NONFINITE, TOTAL, NONZEROS = range(5)
ABOVE_TOTAL, ABOVE_SQUARES, ABOVE_NONFINITE, ABOVE_NONZEROS = range(5, 9)
SIZES, ALL, ALL_ABOVE = 3, 5, 9
_TILE = 8192  # numbers that are summed in float32 before they go to float64
_LEAST = np.float32(1e-30)  # squares sum up to less: some of them may have been flushed to 0


@inline
def block(control: int, thread: int, at: int) -> int:
    """Address of the `at`-th number of a worker's block."""
    c = words(control, SUMS_STRIDE + 1)
    return c[SUMS] + c[SUMS_STRIDE] * thread + 8 * at


@inline
def clear(address: int, count: int) -> None:
    """Zeros."""
    numbers = doubles(address, count)
    for i in range(count):
        numbers[i] = 0.0


@inline
def _in_trouble(sizes: Any, squares: Any) -> bool:
    """Whether squares are not finite, or so small that some may be missing."""
    zero = splat(ZERO)
    return any_lane(differs(squares - squares, zero) | ((sizes > zero) & (squares < splat(_LEAST))))


@inline
def _count(out: Any, v: float) -> None:
    """Count the size of one number."""
    size = abs(v)
    out[MAGNITUDES] += size
    out[SQUARES] += v * v
    out[NONFINITE] += 0.0 if size < np.inf else 1.0


@inline
def add_magnitudes(x_at: int, z_at: int, copy_at: int, count: int, out_at: int) -> None:
    """Add the magnitudes of `count` numbers of x, or of x - z, to three float64 numbers; perhaps copy x."""
    zero = splat(ZERO)
    out = doubles(out_at, SIZES)
    for begin in range(0, count, _TILE):
        n = min(count - begin, _TILE)
        whole = n // (2 * LANES) * 2 * LANES
        x, z, copy = x_at + 4 * begin, z_at + 4 * begin, copy_at + 4 * begin
        sizes, squares, more_sizes, more_squares = zero, zero, zero, zero
        for i in range(0, whole, 2 * LANES):  # two chains, so that additions need not wait for one another
            v, w = load(x + 4 * i), load(x + 4 * (i + LANES))
            if copy_at:
                store(copy + 4 * i, v)
                store(copy + 4 * (i + LANES), w)
            if z_at:
                v, w = v - load(z + 4 * i), w - load(z + 4 * (i + LANES))
            sizes, more_sizes = sizes + absolute(v), more_sizes + absolute(w)
            squares, more_squares = multiply_add(v, v, squares), multiply_add(w, w, more_squares)
        for i in range(whole, n, LANES):
            v = load_part(x + 4 * i, n - i)
            if copy_at:
                store_part(copy + 4 * i, v, n - i)
            if z_at:
                v = v - load_part(z + 4 * i, n - i)
            sizes, squares = sizes + absolute(v), multiply_add(v, v, squares)
        size, square = total_of(sizes + more_sizes), total_of(squares + more_squares)
        if not square < np.inf or (square < _LEAST and size > 0.0):
            for i in range(n):
                _count(out, np.float64(floats(x, n)[i] - floats(z, n)[i] if z_at else floats(x, n)[i]))
        else:
            out[MAGNITUDES] += size
            out[SQUARES] += square


@kernel
def magnitudes(args: int, thread: int, team: int) -> None:
    """How large the numbers of x are: (x, count, control, at)."""
    a = words(args, 4)
    out = block(a[2], thread, a[3])
    clear(out, SIZES)
    start, n = share(a[1], 64, thread, team)
    add_magnitudes(a[0] + 4 * start, 0, 0, n, out)


@inline
def _carefully(x_at: int, rows: int, width: int, count: int, out: int, step: int, with_above: int) -> None:
    """Some columns of a tile in float64, NaN and all; `step` is the size of a quantity's row in bytes."""
    for lane in range(count):
        o = out + 8 * lane
        for r in range(rows):
            v = np.float64(floats(x_at + 4 * (r * width + lane), 1)[0])
            size = abs(v)
            doubles(o + MAGNITUDES * step, 1)[0] += size
            doubles(o + SQUARES * step, 1)[0] += v * v
            doubles(o + NONFINITE * step, 1)[0] += 0.0 if size < np.inf else 1.0
            doubles(o + TOTAL * step, 1)[0] += v
            doubles(o + NONZEROS * step, 1)[0] += 1.0 if v != 0.0 else 0.0
            if with_above:
                high = 0.0 if v < 0.0 else v  # NaN stays
                doubles(o + ABOVE_TOTAL * step, 1)[0] += high
                doubles(o + ABOVE_SQUARES * step, 1)[0] += high * high
                doubles(o + ABOVE_NONFINITE * step, 1)[0] += 0.0 if high < np.inf else 1.0
                doubles(o + ABOVE_NONZEROS * step, 1)[0] += 1.0 if high != 0.0 else 0.0


@inline
def _tile(x_at: int, rows: int, width: int, count: int, out: int, step: int, with_above: int) -> None:
    """Up to 16 columns of a tile."""
    zero, one = splat(ZERO), splat(ONE)
    nonzeros, total, squares, sizes = zero, zero, zero, zero
    above, above_total, above_squares = zero, zero, zero
    if with_above:
        for r in range(rows):
            at = x_at + 4 * r * width
            v = load(at) if count == LANES else load_part(at, count)
            positive = v > zero
            high = select(positive, v, zero)
            nonzeros = select(differs(v, zero), nonzeros + one, nonzeros)
            total = total + v
            squares = multiply_add(v, v, squares)
            above = select(positive, above + one, above)
            above_total = above_total + high
            above_squares = multiply_add(high, high, above_squares)
        sizes = above_total + above_total - total
    else:
        for r in range(rows):
            at = x_at + 4 * r * width
            v = load(at) if count == LANES else load_part(at, count)
            nonzeros = select(differs(v, zero), nonzeros + one, nonzeros)
            total = total + v
            squares = multiply_add(v, v, squares)
            sizes = sizes + absolute(v)
    if _in_trouble(nonzeros, squares):
        _carefully(x_at, rows, width, count, out, step, with_above)
        return
    add_to_doubles(out + MAGNITUDES * step, sizes)
    add_to_doubles(out + SQUARES * step, squares)
    add_to_doubles(out + TOTAL * step, total)
    add_to_doubles(out + NONZEROS * step, nonzeros)
    if with_above:
        add_to_doubles(out + ABOVE_TOTAL * step, above_total)
        add_to_doubles(out + ABOVE_SQUARES * step, above_squares)
        add_to_doubles(out + ABOVE_NONZEROS * step, above)


@kernel
def moments(args: int, thread: int, team: int) -> None:
    """The moments of x, and of max(0, x) where `above` asks for them.

    (x, parts, words a part, words from part to part, width, grain, above, columns, control, at). `columns` is
    room for each worker: ALL_ABOVE rows of `width` float64 numbers, rounded up to 16.
    """
    a = words(args, 10)
    width, quantities = a[4], (ALL_ABOVE if a[6] else ALL)
    padded = (width + LANES - 1) // LANES * LANES
    step, out = 8 * padded, a[7] + 8 * ALL_ABOVE * padded * thread
    clear(out, quantities * padded)
    if a[1] == 1:  # split within the only part, else by parts
        first, parts = 0, 1
        start, n = share(a[2], a[5], thread, team)
    else:
        first, parts = share(a[1], 1, thread, team)
        start, n = 0, a[2]
    tile = max(32, _TILE // width) * width
    for part in range(first, first + parts):
        for begin in range(0, n, tile):
            skip = 4 * (part * a[3] + start + begin)
            length = min(n - begin, tile)
            rows, rest = length // width, length % width
            for c in range(0, width, LANES):
                x_at = a[0] + skip + 4 * c
                _tile(x_at, rows, width, min(LANES, width - c), out + 8 * c, step, a[6])
                if c < rest:
                    last = 4 * rows * width
                    _tile(x_at + last, 1, width, min(LANES, rest - c), out + 8 * c, step, a[6])
    totals = doubles(block(a[8], thread, a[9]), quantities)
    for q in range(quantities):
        row = doubles(out + step * q, padded)
        totals[q] = 0.0
        for j in range(padded):
            totals[q] += row[j]


@kernel
def units(args: int, thread: int, team: int) -> None:
    """From a pass's columns to (nonzeros, sum, sum of squares) of every unit.

    (columns, width, nonzeros, total, squares, table, period, rows, control, at): the numbers of the
    quantities to take; a `table` of the units of `period` columns, -1 for none; how many units.
    """
    a = words(args, 10)
    padded = (a[1] + LANES - 1) // LANES * LANES
    columns = a[0] + 8 * ALL_ABOVE * padded * thread
    unit = words(a[5], a[6])
    out = block(a[8], thread, a[9])
    clear(out, 3 * a[7])
    rows = doubles(out, 3 * a[7])
    for q in range(3):
        column = doubles(columns + 8 * padded * a[2 + q], padded)
        for j in range(a[1]):
            if unit[j % a[6]] >= 0:
                rows[3 * unit[j % a[6]] + q] += column[j]
