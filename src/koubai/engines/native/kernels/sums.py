"""What a tap takes of a tensor, in one pass (see koubai.core.taps), with the same of max(0, x).

A tensor is read as rows of `width` numbers, 16 columns at a time: over a tile of rows the sums of a column
stay in registers, in float32; then they are added to float64 ones. A column whose squares could leave
float32's range in a tile is taken again, number by number, in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from koubai.engines.native.kernels.base import doubles, floats, inline, kernel, share, words
from koubai.engines.native.kernels.functions import ONE, ZERO
from koubai.engines.native.kernels.simd import (
    LANES,
    absolute,
    add_to_doubles,
    any_lane,
    differs,
    load_part,
    multiply_add,
    raise_doubles,
    select,
    splat,
)

# Rows of an output: of x, then of max(0, x).
NONZEROS, TOTAL, SQUARES, MAGNITUDES, LARGEST, NONFINITE = range(6)
ABOVE, ABOVE_TOTAL, ABOVE_SQUARES, ABOVE_LARGEST, ABOVE_NONFINITE = range(6, 11)
QUANTITIES = 11
_TILE = 8192  # numbers that are summed in float32 before they go to float64
_LARGE, _SMALL = np.float32(1e15), np.float32(1e-17)


@inline
def _carefully(x_at: int, z_at: int, rows: int, width: int, count: int, out: int, step: int) -> None:
    """Some columns of a tile in float64, NaN and all; `step` is the size of an output row in bytes."""
    for lane in range(count):
        o = out + 8 * lane
        for r in range(rows):
            at = 4 * (r * width + lane)
            x = floats(x_at + at, 1)[0]
            v = np.float64(x - floats(z_at + at, 1)[0] if z_at else x)
            above = ZERO if v < 0.0 else v  # NaN stays
            _add_number(o, step, v, 0)
            _add_number(o + ABOVE * step, step, above, 1)


@inline
def _add_number(o: int, step: int, v: float, above: int) -> None:
    """Count one number: of x, or of max(0, x), whose outputs leave out the magnitudes."""
    size = abs(v)
    later = step * (1 - above)
    doubles(o, 1)[0] += 1.0 if v != 0.0 else 0.0
    doubles(o + step, 1)[0] += v
    doubles(o + 2 * step, 1)[0] += v * v
    if not above:
        doubles(o + 3 * step, 1)[0] += size
    largest = doubles(o + 3 * step + later, 1)
    if size > largest[0] or np.isnan(size):
        largest[0] = size
    if not size < np.inf:
        doubles(o + 4 * step + later, 1)[0] += 1.0


@inline
def _tile(
    x_at: int, z_at: int, rows: int, width: int, count: int, out: int, step: int, with_above: int
) -> None:
    """Up to 16 columns of a tile."""
    zero, one = splat(ZERO), splat(ONE)
    nonzeros, total, squares, sizes, largest = zero, zero, zero, zero, zero
    above, above_total, above_squares, above_largest, lowest = zero, zero, zero, zero, zero
    if with_above:
        for r in range(rows):
            v = load_part(x_at + 4 * r * width, count)
            high = select(v > zero, v, zero)
            nonzeros = select(differs(v, zero), nonzeros + one, nonzeros)
            total = total + v
            squares = multiply_add(v, v, squares)
            above = select(v > zero, above + one, above)
            above_total = above_total + high
            above_squares = multiply_add(high, high, above_squares)
            above_largest = select(v > above_largest, v, above_largest)
            lowest = select(v < lowest, v, lowest)
        sizes = above_total + above_total - total
        largest = select(zero - lowest > above_largest, zero - lowest, above_largest)
    else:
        for r in range(rows):
            at = 4 * r * width
            v = load_part(x_at + at, count)
            if z_at:
                v = v - load_part(z_at + at, count)
            size = absolute(v)
            nonzeros = select(differs(v, zero), nonzeros + one, nonzeros)
            total = total + v
            squares = multiply_add(v, v, squares)
            sizes = sizes + size
            largest = select(size > largest, size, largest)
    wild = (largest > splat(_LARGE)) | differs(sizes, sizes)
    tiny = (largest < splat(_SMALL)) & (largest > zero)
    trouble = any_lane(wild | tiny)
    if trouble:
        _carefully(x_at, z_at, rows, width, count, out, step)
    else:
        add_to_doubles(out + NONZEROS * step, nonzeros)
        add_to_doubles(out + TOTAL * step, total)
        add_to_doubles(out + SQUARES * step, squares)
        add_to_doubles(out + MAGNITUDES * step, sizes)
        raise_doubles(out + LARGEST * step, largest)
    if with_above and not trouble:
        add_to_doubles(out + ABOVE * step, above)
        add_to_doubles(out + ABOVE_TOTAL * step, above_total)
        add_to_doubles(out + ABOVE_SQUARES * step, above_squares)
        raise_doubles(out + ABOVE_LARGEST * step, above_largest)


@kernel
def sums(args: int, thread: int, team: int) -> None:
    """The sums of x, or of x - z.

    (x, z or 0, parts, words a part, words from part to part, width, grain, out, lane, lanes, slot, above).
    Where `lanes` > 1 the tensor is shared by all lanes, and each takes its part; else it belongs to one lane.
    `above` asks for the sums of max(0, x), too. `out` has for each slot QUANTITIES rows of `width` numbers,
    rounded up to 16, float64.
    """
    a = words(args, 12)
    width = a[5]
    padded = (width + LANES - 1) // LANES * LANES
    step, out = 8 * padded, a[7] + 8 * QUANTITIES * padded * (a[10] + thread)
    for j in range(QUANTITIES * padded):
        doubles(out, QUANTITIES * padded)[j] = 0.0
    if a[2] == 1:  # split within the only part, else by parts
        first, parts = 0, 1
        start, n = share(a[3], a[6], a[8] + thread, a[9] * team)
    else:
        first, parts = share(a[2], 1, a[8] + thread, a[9] * team)
        start, n = 0, a[3]
    tile = max(32, _TILE // width) * width
    for part in range(first, first + parts):
        for begin in range(0, n, tile):
            skip = 4 * (part * a[4] + start + begin)
            length = min(n - begin, tile)
            rows, rest = length // width, length % width
            for c in range(0, width, LANES):
                count = min(LANES, width - c)
                x_at, z_at = a[0] + skip + 4 * c, (a[1] + skip + 4 * c) if a[1] else 0
                _tile(x_at, z_at, rows, width, count, out + 8 * c, step, a[11])
                last = 4 * rows * width
                if c < rest:
                    count = min(LANES, rest - c)
                    z_last = z_at + last if a[1] else 0
                    _tile(x_at + last, z_last, 1, width, count, out + 8 * c, step, a[11])


@inline
def _sum(columns: Any, count: int) -> float:
    """The sum of a multiple of 4 numbers, in 4 chains."""
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    for j in range(0, count, 4):
        s0 += columns[j]
        s1 += columns[j + 1]
        s2 += columns[j + 2]
        s3 += columns[j + 3]
    return (s0 + s1) + (s2 + s3)


@kernel
def publish(args: int, number: int, lane: int) -> None:
    """Leave what the passes of one lane hold after a tapped step, the `number`-th of a list.

    (passes, count, team, out, lanes, words a lane, taps, count, units). A row of `passes` is the address of
    a pass's sums, its width, how many quantities it has. A row of `taps` is a pass, the first quantity, the
    first of its `units`, their number, the first of its rows. A lane's words are the QUANTITIES of every
    pass, then (nonzeros, sum, squares) of every unit, float64.
    """
    a = words(args, 9)
    out = doubles(a[3] + 8 * a[5] * (number * a[4] + lane), a[5])
    for i in range(a[5]):
        out[i] = 0.0
    for i in range(a[1]):
        source = words(a[0] + 24 * i, 3)
        padded = (source[1] + LANES - 1) // LANES * LANES
        for slot in range(lane * a[2], (lane + 1) * a[2]):
            for q in range(source[2]):
                columns = doubles(source[0] + 8 * padded * (QUANTITIES * slot + q), padded)
                at = QUANTITIES * i + q
                if q in (LARGEST, ABOVE_LARGEST):
                    for j in range(padded):
                        v = columns[j]
                        out[at] = v if (v > out[at] or np.isnan(v)) else out[at]
                else:
                    out[at] += _sum(columns, padded)
    for i in range(a[7]):
        tap = words(a[6] + 40 * i, 5)
        source = words(a[0] + 24 * tap[0], 3)
        padded = (source[1] + LANES - 1) // LANES * LANES
        unit = words(a[8] + 8 * tap[2], tap[3])
        rows = doubles(a[3] + 8 * (a[5] * (number * a[4] + lane) + QUANTITIES * a[1] + 3 * tap[4]), a[5])
        for slot in range(lane * a[2], (lane + 1) * a[2] if tap[3] else 0):
            first = source[0] + 8 * padded * (QUANTITIES * slot + tap[1])
            for q in range(3):
                columns = doubles(first + 8 * padded * q, padded)
                for j in range(source[1]):
                    if unit[j % tap[3]] >= 0:
                        rows[3 * unit[j % tap[3]] + q] += columns[j]
