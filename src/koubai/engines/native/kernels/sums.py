"""What a tap takes of a tensor, in one pass (see koubai.core.taps).

A tensor is read as rows of `width` numbers, a multiple of its units. Every column gathers, over 64 rows in
float32 and then in float64: how many are not 0, their sum, the sum of squares, the sum of magnitudes, the
largest magnitude, and how many are not finite. A block whose squares leave float32's range is taken again in
float64.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numba import njit

from koubai.engines.native.kernels.base import doubles, floats, inline, kernel, share, words
from koubai.engines.native.kernels.functions import ONE, ZERO

QUANTITIES = 6  # rows of an output: nonzeros, sum, squares, magnitudes, largest, nonfinite
_ROWS = 64
_LARGE, _SMALL = np.float32(1e15), np.float32(1e-13)


@inline
def _carefully(x: Any, z: Any, minus: int, length: int, out: Any, width: int) -> None:
    """One row in float64, NaN and all."""
    for j in range(length):
        v = np.float64(x[j] - z[j] if minus else x[j])
        magnitude = abs(v)
        out[j] += 1.0 if v != 0.0 else 0.0
        out[width + j] += v
        out[2 * width + j] += v * v
        out[3 * width + j] += magnitude
        if magnitude > out[4 * width + j] or np.isnan(v):
            out[4 * width + j] = magnitude
        if not (magnitude < np.inf):
            out[5 * width + j] += 1.0


@inline
def _gather(x: Any, length: int, base: int, width: int) -> None:
    """Add one row to the float32 columns at `base`."""
    total, square, size = (
        floats(base, width),
        floats(base + 4 * width, width),
        floats(base + 8 * width, width),
    )
    count, largest = floats(base + 12 * width, width), floats(base + 16 * width, width)
    for j in range(length):
        v = x[j]
        total[j] += v
        square[j] += v * v
        size[j] += abs(v)
        count[j] += ONE if v != ZERO else ZERO
        largest[j] = abs(v) if abs(v) > largest[j] else largest[j]


@inline
def _in_range(base: int, width: int) -> Any:
    """Whether the float32 columns are finite, and their squares neither overflowed nor vanished."""
    size, largest = floats(base + 8 * width, width), floats(base + 16 * width, width)
    top, magnitude = ZERO, ZERO
    for j in range(width):
        top = largest[j] if largest[j] > top else top
        magnitude += size[j]
    return top < _LARGE and (top > _SMALL or top == ZERO) and not np.isnan(magnitude)


@inline
def _flush(base: int, out: Any, width: int) -> None:
    """Add the float32 columns to the float64 ones."""
    columns = floats(base, 5 * width)
    for q in range(3):
        for j in range(width):
            out[(1 + q) * width + j] += columns[q * width + j]
    for j in range(width):
        out[j] += columns[3 * width + j]
        top = columns[4 * width + j]
        out[4 * width + j] = top if top > out[4 * width + j] else out[4 * width + j]


@inline
def _block(x_at: int, z_at: int, n: int, base: int, out: Any, width: int) -> None:
    """Take up to 64 rows of x, or of x - z where z is given."""
    columns, difference = floats(base, 5 * width), floats(base + 20 * width, width)
    for j in range(5 * width):
        columns[j] = ZERO
    for at in range(0, n, width):
        length = min(width, n - at)
        x = floats(x_at + 4 * at, length)
        if z_at:
            z = floats(z_at + 4 * at, length)
            for j in range(length):
                difference[j] = x[j] - z[j]
            x = difference
        _gather(x, length, base, width)
    if _in_range(base, width):
        _flush(base, out, width)
        return
    for at in range(0, n, width):
        length = min(width, n - at)
        x, z = floats(x_at + 4 * at, length), floats((z_at if z_at else x_at) + 4 * at, length)
        _carefully(x, z, z_at, length, out, width)


@kernel
def sums(args: int, thread: int, team: int) -> None:
    """The sums of x, or of x - z.

    (x, z or 0, parts, words a part, words from part to part, width, units, scratch, out, lane, lanes, slot).
    Where `lanes` > 1 the tensor is shared by all lanes, and each takes its part; else it belongs to one lane.
    `scratch` has 6 rows of `width` a thread, `out` QUANTITIES rows of `width` a slot.
    """
    a = words(args, 12)
    width = a[5]
    out = doubles(a[8] + 8 * QUANTITIES * (a[11] + thread) * width, QUANTITIES * width)
    for j in range(QUANTITIES * width):
        out[j] = 0.0
    base = a[7] + 24 * thread * width
    if a[2] == 1:  # split within the only part, else by parts
        first, parts = 0, 1
        start, n = share(a[3], a[6], a[9] + thread, a[10] * team)
    else:
        first, parts = share(a[2], 1, a[9] + thread, a[10] * team)
        start, n = 0, a[3]
    for part in range(first, first + parts):
        for begin in range(0, n, _ROWS * width):
            skip = 4 * (part * a[4] + start + begin)
            length = min(n - begin, _ROWS * width)
            _block(a[0] + skip, (a[1] + skip) if a[1] else 0, length, base, out, width)


@njit(cache=True, nogil=True, error_model="numpy")
def collect(table: Any, slots: int, totals: Any) -> None:
    """Fold the columns of every tap: row i of `table` is (out, width), of `totals` the QUANTITIES."""
    for i in range(table.shape[0]):
        width = table[i, 1]
        for q in range(QUANTITIES):
            value = 0.0
            for slot in range(slots):
                out = doubles(table[i, 0] + 8 * QUANTITIES * slot * width, QUANTITIES * width)
                for j in range(width):
                    v = out[q * width + j]
                    if q == 4:
                        value = v if (v > value or np.isnan(v)) else value
                    else:
                        value += v
            totals[i, q] = value


def view(address: int, count: int) -> Any:
    """Float64 numbers at an address, as an array."""
    return np.ctypeslib.as_array((ctypes.c_double * count).from_address(address))
