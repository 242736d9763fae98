"""What a tap takes of every unit of a tensor: its moments column by column, a column being a unit's."""

from __future__ import annotations

from koubai.engines.native.kernels.base import doubles, inline, kernel, share, words
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
def column_moments(args: int, thread: int, team: int) -> None:
    """The moments of every column of x, and of max(0, x) where `above` asks for them; and of all of x.

    (x, parts, words a part, words from part to part, width, grain, above, columns, control, at). `columns` is
    room for each worker: twice OF_MOMENTS rows of `width` float64 numbers, rounded up to 16.
    """
    a = words(args, 10)
    width, quantities = a[4], (2 * OF_MOMENTS if a[6] else OF_MOMENTS)
    step = 8 * _padded(width)
    out = a[7] + 2 * OF_MOMENTS * step * thread
    clear(out, quantities * _padded(width))
    if a[1] == 1:  # split within the only part, else by parts
        first, parts = 0, 1
        start, n = share(a[2], a[5], thread, team)
    else:
        first, parts = share(a[1], 1, thread, team)
        start, n = 0, a[2]
    tile = max(32, TILE // width) * width
    for part in range(first, first + parts):
        for begin in range(0, n, tile):
            skip = 4 * (part * a[3] + start + begin)
            length = min(n - begin, tile)
            rows, rest = length // width, length % width
            for c in range(0, width, LANES):
                count, left, x = min(LANES, width - c), min(LANES, rest - c), a[0] + skip + 4 * c
                _add_columns(x, rows, width, count, out + 8 * c, step, a[6])
                if left > 0:
                    _add_columns(x + 4 * rows * width, 1, width, left, out + 8 * c, step, a[6])
    _add_up(out, width, a[6], block(a[8], thread, a[9]))


@kernel
def units(args: int, thread: int, team: int) -> None:
    """From a pass's columns to (nonzeros, sum, sum of squares) of every unit.

    (columns, width, first quantity, table, period, rows, control, at): a `table` of the units of `period`
    columns, -1 for none; how many units.
    """
    a = words(args, 8)
    step = 8 * _padded(a[1])
    columns = a[0] + 2 * OF_MOMENTS * step * thread + step * a[2]
    unit = words(a[3], a[4])
    out = block(a[6], thread, a[7])
    clear(out, 3 * a[5])
    rows = doubles(out, 3 * a[5])
    nonzeros, total = doubles(columns + step * NONZEROS, a[1]), doubles(columns + step * TOTAL, a[1])
    squares = doubles(columns + step * SQUARES, a[1])
    for j in range(a[1]):
        at = 3 * unit[j % a[4]]
        if at >= 0:
            rows[at] += nonzeros[j]
            rows[at + 1] += total[j]
            rows[at + 2] += squares[j]
