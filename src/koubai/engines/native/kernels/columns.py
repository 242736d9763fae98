"""What a tap takes of every unit of a tensor: its moments column by column, a column being a unit's."""

from __future__ import annotations

from typing import NamedTuple

from koubai.engines.native.kernels.base import doubles, inline, integers, kernel, share
from koubai.engines.native.kernels.block import Address
from koubai.engines.native.kernels.functions import ONE, ZERO
from koubai.engines.native.kernels.simd import LANES, any_lane, differs, multiply_add, select, splat
from koubai.engines.native.kernels.simd_memory import add_to_doubles, load_part, load_up_to, total_at
from koubai.engines.native.kernels.sums import (
    ABOVE,
    LEAST,
    NONZEROS,
    OF_MOMENTS,
    SQUARES,
    TILE,
    TOTAL,
    block,
    clear,
    moments_carefully,
)


class ColumnMoments(NamedTuple):
    """x, and where its moments go, whole and column by column."""

    x: Address
    parts: int
    part: int  # elements of one
    stride: int  # elements from one to the next
    width: int  # columns
    grain: int  # elements that no share cuts
    above: int
    columns: Address  # for each worker twice OF_MOMENTS rows of `width` float64 numbers, rounded up to 16
    control: Address
    at: int


class Units(NamedTuple):
    """A pass's columns, and where the rows of units go."""

    columns: Address
    width: int
    first: int  # quantity
    table: Address  # the unit of each of `period` columns, -1 for none
    period: int
    rows: int  # units
    control: Address
    at: int


@inline
def _add_columns(x: int, rows: int, stride: int, count: int, out: int, step: int, above: int) -> None:
    """Add the moments of up to 16 columns: `rows` vectors of `count` numbers, `stride` numbers apart.

    `above` asks for those of max(0, x), too.
    """
    zero, one, odd = splat(ZERO), splat(ONE), rows % 2
    v = load_part(x, count * odd)  # of an odd number of rows the first, else nothing
    nonzeros, positive = select(differs(v, zero), one, zero), v > zero
    total, squares = v, v * v
    high, high_total = select(positive, one, zero), select(positive, v, zero)
    high_squares = high_total * high_total
    more_nonzeros, more_total, more_squares = zero, zero, zero
    more_high, more_high_total, more_high_squares = zero, zero, zero
    at = x + 4 * odd * stride
    for _ in range(rows // 2):
        v, w = load_up_to(at, count), load_up_to(at + 4 * stride, count)
        at += 8 * stride
        nonzeros = select(differs(v, zero), nonzeros + one, nonzeros)
        more_nonzeros = select(differs(w, zero), more_nonzeros + one, more_nonzeros)
        total, more_total = total + v, more_total + w
        squares, more_squares = multiply_add(v, v, squares), multiply_add(w, w, more_squares)
        if above:
            positive, also = v > zero, w > zero
            high = select(positive, high + one, high)
            more_high = select(also, more_high + one, more_high)
            high_total = select(positive, high_total + v, high_total)
            more_high_total = select(also, more_high_total + w, more_high_total)
            high_squares = select(positive, multiply_add(v, v, high_squares), high_squares)
            more_high_squares = select(also, multiply_add(w, w, more_high_squares), more_high_squares)
    nonzeros, squares = nonzeros + more_nonzeros, squares + more_squares
    if any_lane(differs(squares - squares, zero) | ((nonzeros > zero) & (squares < splat(LEAST)))):
        for lane in range(count):
            moments_carefully(x + 4 * lane, rows, stride, out + 8 * lane, step, above)
        return
    add_to_doubles(out + SQUARES * step, squares)
    add_to_doubles(out + TOTAL * step, total + more_total)
    add_to_doubles(out + NONZEROS * step, nonzeros)
    if above:
        add_to_doubles(out + (ABOVE + SQUARES) * step, high_squares + more_high_squares)
        add_to_doubles(out + (ABOVE + TOTAL) * step, high_total + more_high_total)
        add_to_doubles(out + (ABOVE + NONZEROS) * step, high + more_high)


@inline
def _padded(width: int) -> int:
    """Columns for which there is room."""
    return (width + LANES - 1) // LANES * LANES


@inline
def _add_up(columns: int, width: int, above: int, out_at: int) -> None:
    """Write the sum of each quantity's row, of those of max(0, x), too, if there are any."""
    quantities = 2 * OF_MOMENTS if above else OF_MOMENTS
    out = doubles(out_at, quantities)
    for q in range(quantities):
        total = 0.0
        for j in range(0, _padded(width), LANES):
            total += total_at(columns + 8 * (_padded(width) * q + j))
        out[q] = total


@kernel
def column_moments(b: ColumnMoments, thread: int, team: int) -> None:
    """The moments of every column of x, and of max(0, x) where `above` asks for them; and of all of x."""
    width, quantities = b.width, (2 * OF_MOMENTS if b.above else OF_MOMENTS)
    step = 8 * _padded(width)
    out = b.columns + 2 * OF_MOMENTS * step * thread
    clear(out, quantities * _padded(width))
    if b.parts == 1:  # split within the only part, else by parts
        first, parts = 0, 1
        start, n = share(b.part, b.grain, thread, team)
    else:
        first, parts = share(b.parts, 1, thread, team)
        start, n = 0, b.part
    tile = max(32, TILE // width) * width
    for part in range(first, first + parts):
        for begin in range(0, n, tile):
            skip = 4 * (part * b.stride + start + begin)
            length = min(n - begin, tile)
            rows, rest = length // width, length % width
            for c in range(0, width, LANES):
                count, left, x = min(LANES, width - c), min(LANES, rest - c), b.x + skip + 4 * c
                _add_columns(x, rows, width, count, out + 8 * c, step, b.above)
                if left > 0:
                    _add_columns(x + 4 * rows * width, 1, width, left, out + 8 * c, step, b.above)
    _add_up(out, width, b.above, block(b.control, thread, b.at))


@kernel
def units(b: Units, thread: int, team: int) -> None:
    """From a pass's columns to (nonzeros, sum, sum of squares) of every unit."""
    step = 8 * _padded(b.width)
    columns = b.columns + 2 * OF_MOMENTS * step * thread + step * b.first
    unit = integers(b.table, b.period)
    out = block(b.control, thread, b.at)
    clear(out, 3 * b.rows)
    rows = doubles(out, 3 * b.rows)
    nonzeros, total = doubles(columns + step * NONZEROS, b.width), doubles(columns + step * TOTAL, b.width)
    squares = doubles(columns + step * SQUARES, b.width)
    for j in range(b.width):
        at = 3 * unit[j % b.period]
        if at >= 0:
            rows[at] += nonzeros[j]
            rows[at + 1] += total[j]
            rows[at + 2] += squares[j]
