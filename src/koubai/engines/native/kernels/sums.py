"""What a tap takes of a tensor, in one pass (see koubai.core.taps).

A pass leaves float64 numbers in the block of its worker: where, the control block says. Over a tile the sums
stay in vector registers, in float32, two or more chains of additions each, so that one need not wait for the
other; then they are added to float64 numbers. A tile whose squares leave float32's range is taken again,
number by number, in float64.
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
    total_at,
    total_of,
)

# The order of what is left of a tensor: of squares the first two numbers, of magnitudes and of moments more;
# the moments of max(0, x) follow those of x.
SQUARES, NONFINITE, MAGNITUDES = range(3)
TOTAL, NONZEROS, ABOVE = range(2, 5)
OF_SQUARES, OF_MAGNITUDES, OF_MOMENTS = 2, 3, 4
OF_PARAMETER = OF_SQUARES + OF_MAGNITUDES + OF_SQUARES  # of w, its gradient, its change
_NUMBERS = {"activation": OF_MOMENTS, "weight": OF_SQUARES, "update": OF_SQUARES}
_TILE = 8192  # numbers that are summed in float32 before they go to float64
ROWS = _TILE // LANES  # of a column
_LEAST = np.float32(1e-30)  # squares sum up to less: some of them may have been flushed to 0


def numbers_of(role: str) -> int:
    """How many numbers are left of a tensor in a role."""
    return _NUMBERS.get(role, OF_MAGNITUDES)


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


# ---------------------------------------------------------------------------------------- in a row


@inline
def _trusted(squares: Any) -> bool:
    """Whether sums of squares are finite, and not so small that a part may have been lost."""
    return any_lane(squares > splat(_LEAST)) and not any_lane(differs(squares - squares, splat(ZERO)))


@inline
def _is_zero(x: int, z: int, count: int) -> bool:
    """Whether x, or x - z, is 0 everywhere."""
    for i in range(0, count, LANES):
        v = load_part(x + 4 * i, count - i)
        if z:
            v = v - load_part(z + 4 * i, count - i)
        if any_lane(differs(v, splat(ZERO))):
            return False
    return True


@inline
def _carefully(x: int, z: int, count: int, out_at: int, sizes: int) -> None:
    """Add the squares of x, or of x - z, in float64, NaN and all; and the magnitudes, if asked for."""
    if _is_zero(x, z, count):
        return
    out = doubles(out_at, OF_MAGNITUDES)
    for i in range(count):
        v = np.float64(floats(x, count)[i] - floats(z, count)[i] if z else floats(x, count)[i])
        out[SQUARES] += v * v
        out[NONFINITE] += 0.0 if abs(v) < np.inf else 1.0
        if sizes:
            out[MAGNITUDES] += abs(v)


@inline
def _keep(squares: Any, sizes: Any, x: int, n: int, out_at: int) -> None:
    """Add a tile's squares and magnitudes; x and n tell where to look if they cannot be trusted."""
    out = doubles(out_at, OF_MAGNITUDES)
    if _trusted(squares):
        out[SQUARES] += total_of(squares)
        out[MAGNITUDES] += total_of(sizes)
    else:
        _carefully(x, 0, n, out_at, 1)


@inline
def add_magnitudes(x: int, n: int, out_at: int) -> None:
    """Add the magnitudes of a tile."""
    whole = n // (2 * LANES) * 2 * LANES
    sizes, squares, more_sizes, more_squares = splat(ZERO), splat(ZERO), splat(ZERO), splat(ZERO)
    for i in range(0, whole, 2 * LANES):
        v, w = load(x + 4 * i), load(x + 4 * (i + LANES))
        sizes, more_sizes = sizes + absolute(v), more_sizes + absolute(w)
        squares, more_squares = multiply_add(v, v, squares), multiply_add(w, w, more_squares)
    for i in range(whole, n, LANES):
        v = load_part(x + 4 * i, n - i)
        sizes, squares = sizes + absolute(v), multiply_add(v, v, squares)
    _keep(squares + more_squares, sizes + more_sizes, x, n, out_at)


@inline
def mask_tile(x: int, y: int, kept: int, n: int, out_at: int) -> None:
    """Set x to 0 where y is not above 0, and add its magnitudes before and after; `kept` has room for x."""
    sizes, squares, left, left_squares = splat(ZERO), splat(ZERO), splat(ZERO), splat(ZERO)
    for i in range(0, n, LANES):
        at, count = 4 * i, n - i
        v, stays = load_part(x + at, count), load_part(y + at, count) > splat(ZERO)
        w, size = select(stays, v, splat(ZERO)), absolute(v)
        store(kept + at, v)
        store_part(x + at, w, count)
        sizes, squares = sizes + size, multiply_add(v, v, squares)
        left, left_squares = select(stays, left + size, left), multiply_add(w, w, left_squares)
    _keep(squares, sizes, kept, n, out_at)
    _keep(left_squares, left, x, n, out_at + 8 * OF_MAGNITUDES)


@kernel
def magnitudes(args: int, thread: int, team: int) -> None:
    """How large the numbers of x are: (x, count, control, at)."""
    a = words(args, 4)
    out = block(a[2], thread, a[3])
    clear(out, OF_MAGNITUDES)
    start, count = share(a[1], 64, thread, team)
    for begin in range(start, start + count, _TILE):
        add_magnitudes(a[0] + 4 * begin, min(_TILE, start + count - begin), out)


# Sums of a parameter's chunks are gathered lane by lane, in four rows of 16 float64 numbers.
_W, _G, _G_SIZES, _CHANGE = (8 * LANES * row for row in range(4))
GATHERED = 4 * LANES


@inline
def gather_parameter(squares: Any, w: int, n: int, gathered: int, out: int) -> None:
    """Gather the squares of a chunk of a parameter; w and n tell where to look if they cannot be trusted."""
    if _trusted(squares):
        add_to_doubles(gathered + _W, squares)
    else:
        _carefully(w, 0, n, out, 0)


@inline
def gather_gradient(squares: Any, sizes: Any, g: int, n: int, gathered: int, out: int) -> None:
    """Gather the squares and magnitudes of its gradient."""
    if _trusted(squares):
        add_to_doubles(gathered + _G, squares)
        add_to_doubles(gathered + _G_SIZES, sizes)
    else:
        _carefully(g, 0, n, out + 8 * OF_SQUARES, 1)


@inline
def gather_change(squares: Any, w: int, kept: int, n: int, gathered: int, out: int) -> None:
    """Gather the squares of what has changed of it since a copy was kept."""
    if _trusted(squares):
        add_to_doubles(gathered + _CHANGE, squares)
    else:
        _carefully(w, kept, n, out + 8 * (OF_SQUARES + OF_MAGNITUDES), 0)


@inline
def hand_over(gathered: int, out_at: int) -> None:
    """Add what was gathered of a parameter to its place."""
    out = doubles(out_at, OF_PARAMETER)
    gradient, change = OF_SQUARES, OF_SQUARES + OF_MAGNITUDES
    out[SQUARES] += total_at(gathered + _W)
    out[gradient + SQUARES] += total_at(gathered + _G)
    out[gradient + MAGNITUDES] += total_at(gathered + _G_SIZES)
    out[change + SQUARES] += total_at(gathered + _CHANGE)
    clear(gathered, GATHERED)


# ---------------------------------------------------------------------------------------- in columns


@inline
def _column_carefully(x: int, rows: int, stride: int, out: int, step: int, above: int) -> None:
    """A column in float64, NaN and all; `step` is the size of a quantity's row in bytes."""
    for r in range(rows):
        v = np.float64(floats(x + 4 * r * stride, 1)[0])
        doubles(out + SQUARES * step, 1)[0] += v * v
        doubles(out + NONFINITE * step, 1)[0] += 0.0 if abs(v) < np.inf else 1.0
        doubles(out + TOTAL * step, 1)[0] += v
        doubles(out + NONZEROS * step, 1)[0] += 1.0 if v != 0.0 else 0.0
        if above:
            high = 0.0 if v < 0.0 else v  # NaN stays
            doubles(out + (ABOVE + SQUARES) * step, 1)[0] += high * high
            doubles(out + (ABOVE + NONFINITE) * step, 1)[0] += 0.0 if high < np.inf else 1.0
            doubles(out + (ABOVE + TOTAL) * step, 1)[0] += high
            doubles(out + (ABOVE + NONZEROS) * step, 1)[0] += 1.0 if high != 0.0 else 0.0


@inline
def _load(at: int, count: int) -> Any:
    return load(at) if count == LANES else load_part(at, count)


@inline
def add_columns(x: int, rows: int, stride: int, count: int, out: int, step: int, above: int) -> None:
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
        v, w = _load(at, count), _load(at + 4 * stride, count)
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
    if any_lane(differs(squares - squares, zero) | ((nonzeros > zero) & (squares < splat(_LEAST)))):
        for lane in range(count):
            _column_carefully(x + 4 * lane, rows, stride, out + 8 * lane, step, above)
        return
    add_to_doubles(out + SQUARES * step, squares)
    add_to_doubles(out + TOTAL * step, total + more_total)
    add_to_doubles(out + NONZEROS * step, nonzeros)
    if above:
        add_to_doubles(out + (ABOVE + SQUARES) * step, high_squares + more_high_squares)
        add_to_doubles(out + (ABOVE + TOTAL) * step, high_total + more_high_total)
        add_to_doubles(out + (ABOVE + NONZEROS) * step, high + more_high)


@inline
def padded(width: int) -> int:
    """Columns for which there is room."""
    return (width + LANES - 1) // LANES * LANES


@inline
def add_up(columns: int, width: int, above: int, out_at: int) -> None:
    """Write the sum of each quantity's row, of those of max(0, x), too, if there are any."""
    quantities = 2 * OF_MOMENTS if above else OF_MOMENTS
    out = doubles(out_at, quantities)
    for q in range(quantities):
        total = 0.0
        for j in range(0, padded(width), LANES):
            total += total_at(columns + 8 * (padded(width) * q + j))
        out[q] = total


@kernel
def moments(args: int, thread: int, team: int) -> None:
    """The moments of x, and of max(0, x) where `above` asks for them.

    (x, parts, words a part, words from part to part, width, grain, above, columns, control, at). `columns` is
    room for each worker: twice OF_MOMENTS rows of `width` float64 numbers, rounded up to 16.
    """
    a = words(args, 10)
    width, quantities = a[4], (2 * OF_MOMENTS if a[6] else OF_MOMENTS)
    step = 8 * padded(width)
    out = a[7] + 2 * OF_MOMENTS * step * thread
    clear(out, quantities * padded(width))
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
                count, left, x = min(LANES, width - c), min(LANES, rest - c), a[0] + skip + 4 * c
                add_columns(x, rows, width, count, out + 8 * c, step, a[6])
                if left > 0:
                    add_columns(x + 4 * rows * width, 1, width, left, out + 8 * c, step, a[6])
    add_up(out, width, a[6], block(a[8], thread, a[9]))


@kernel
def units(args: int, thread: int, team: int) -> None:
    """From a pass's columns to (nonzeros, sum, sum of squares) of every unit.

    (columns, width, first quantity, table, period, rows, control, at): a `table` of the units of `period`
    columns, -1 for none; how many units.
    """
    a = words(args, 8)
    step = 8 * padded(a[1])
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
