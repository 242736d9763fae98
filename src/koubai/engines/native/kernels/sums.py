"""What a tap takes of a tensor, in one pass (see koubai.core.taps).

A pass leaves float64 numbers in the block of its worker: where, the control block says. Over a tile the sums
stay in vector registers, in float32, two or more chains of additions each, so that one need not wait for the
other; then they are added to float64 numbers. A tile whose squares leave float32's range is taken again,
number by number, in float64.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from koubai.engines.native.kernels.base import Control, doubles, floats, inline, kernel, share
from koubai.engines.native.kernels.block import Address, block_at
from koubai.engines.native.kernels.functions import ZERO
from koubai.engines.native.kernels.simd import (
    LANES,
    absolute,
    any_lane,
    differs,
    multiply_add,
    select,
    splat,
    total_of,
)
from koubai.engines.native.kernels.simd_memory import (
    count_ones,
    load,
    load_part,
    store,
    store_mask,
    store_part,
)

# The order of what is left of a tensor: of squares the first two numbers, of magnitudes and of moments more;
# the moments of max(0, x) follow those of x.
SQUARES, NONFINITE, MAGNITUDES = range(3)
TOTAL, NONZEROS, ABOVE = range(2, 5)
OF_SQUARES, OF_MAGNITUDES, OF_MOMENTS = 2, 3, 4
OF_PARAMETER = OF_SQUARES + OF_MAGNITUDES + OF_SQUARES  # of w, its gradient, its change
_NUMBERS = {"activation": OF_MOMENTS, "weight": OF_SQUARES, "update": OF_SQUARES}
TILE = 8192  # numbers that are summed in float32 before they go to float64
LEAST = np.float32(1e-30)  # squares sum up to less: some of them may have been flushed to 0
# A tile's masks, a bit an element, in two rows: of what is not 0, and of what is above 0.
_ROW_OF_MASKS = TILE // 8 + 4
MASKS = 2 * _ROW_OF_MASKS  # bytes


def numbers_of(role: str) -> int:
    """How many numbers are left of a tensor in a role."""
    return _NUMBERS.get(role, OF_MAGNITUDES)


@inline
def block(control: int, thread: int, at: int) -> int:
    """Address of the `at`-th number of a worker's block."""
    c = block_at(control, Control)
    return c.sums + c.sums_stride * thread + 8 * at


@inline
def clear(address: int, count: int) -> None:
    """Zeros."""
    numbers = doubles(address, count)
    for i in range(count):
        numbers[i] = 0.0


@inline
def trusted(squares: Any) -> bool:
    """Whether sums of squares are finite, and not so small that a part may have been lost."""
    return any_lane(squares > splat(LEAST)) and not any_lane(differs(squares - squares, splat(ZERO)))


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
def carefully(x: int, z: int, count: int, out_at: int, sizes: int) -> None:
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
def keep_magnitudes(squares: Any, sizes: Any, x: int, n: int, out_at: int) -> None:
    """Add a tile's squares and magnitudes; x and n tell where to look if they cannot be trusted."""
    if not any_lane(differs(sizes, splat(ZERO))):
        return
    out = doubles(out_at, OF_MAGNITUDES)
    if trusted(squares):
        out[SQUARES] += total_of(squares)
        out[MAGNITUDES] += total_of(sizes)
    else:
        carefully(x, 0, n, out_at, 1)


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
    keep_magnitudes(squares + more_squares, sizes + more_sizes, x, n, out_at)


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
    keep_magnitudes(squares, sizes, kept, n, out_at)
    keep_magnitudes(left_squares, left, x, n, out_at + 8 * OF_MAGNITUDES)


class Sized(NamedTuple):
    """x, and the place of its magnitudes."""

    x: Address
    size: int
    control: Address
    at: int


@kernel
def magnitudes(b: Sized, thread: int, team: int) -> None:
    """How large the numbers of x are."""
    out = block(b.control, thread, b.at)
    clear(out, OF_MAGNITUDES)
    start, count = share(b.size, 64, thread, team)
    for begin in range(start, start + count, TILE):
        add_magnitudes(b.x + 4 * begin, min(TILE, start + count - begin), out)


@inline
def moments_carefully(x: int, rows: int, stride: int, out: int, step: int, above: int) -> None:
    """Add the moments of numbers `stride` apart in float64, NaN and all; a sum lies `step` bytes on."""
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
def _ones(masks: int, pairs: int) -> float:
    """How many bits are set in so many pairs of masks."""
    ones = splat(ZERO)
    for i in range(0, pairs, LANES):
        ones = ones + count_ones(masks + 4 * i, pairs - i)
    return total_of(ones)


@inline
def _add_pair(v: Any, w: Any, bits: int, above: bool, sums: Any) -> Any:
    """Add two vectors to the sums of a tile, and write down their masks."""
    total, more, squares, more_squares, high, more_high, high_squares, more_high_squares = sums
    zero = splat(ZERO)
    store_mask(bits, differs(v, zero))
    store_mask(bits + 2, differs(w, zero))
    if above:
        positive, also = v > zero, w > zero
        store_mask(bits + _ROW_OF_MASKS, positive)
        store_mask(bits + _ROW_OF_MASKS + 2, also)
        high, more_high = select(positive, high + v, high), select(also, more_high + w, more_high)
        high_squares = select(positive, multiply_add(v, v, high_squares), high_squares)
        more_high_squares = select(also, multiply_add(w, w, more_high_squares), more_high_squares)
    total, squares, more_squares = total + v, multiply_add(v, v, squares), multiply_add(w, w, more_squares)
    return total, more + w, squares, more_squares, high, more_high, high_squares, more_high_squares


@inline
def _add_tile(x: int, n: int, above: bool, masks: int, out_at: int) -> None:
    """Add the moments of a tile, and behind them those of max(0, x) if `above` asks for them.

    What is counted is written down as MASKS bytes, from where bits are counted many at a time.
    """
    zero, pairs, rest = splat(ZERO), n // (2 * LANES), n % (2 * LANES)
    at, bits = x + 8 * LANES * pairs, masks + 4 * pairs
    sums = (zero, zero, zero, zero, zero, zero, zero, zero)
    sums = _add_pair(load_part(at, rest), load_part(at + 4 * LANES, rest - LANES), bits, above, sums)
    for i in range(pairs):
        at = x + 8 * LANES * i
        sums = _add_pair(load(at), load(at + 4 * LANES), masks + 4 * i, above, sums)
    total, more, squares, more_squares, high, more_high, high_squares, more_high_squares = sums
    squares, high_squares = squares + more_squares, high_squares + more_high_squares
    nonzeros = _ones(masks, pairs + 1)
    positives = _ones(masks + _ROW_OF_MASKS, pairs + 1) if above else 0.0
    if (nonzeros > 0 and not trusted(squares)) or (positives > 0 and not trusted(high_squares)):
        moments_carefully(x, n, 1, out_at, 8, above)
        return
    out = doubles(out_at, 2 * OF_MOMENTS)
    out[SQUARES] += total_of(squares)
    out[TOTAL] += total_of(total + more)
    out[NONZEROS] += nonzeros
    if above:
        out[ABOVE + SQUARES] += total_of(high_squares)
        out[ABOVE + TOTAL] += total_of(high + more_high)
        out[ABOVE + NONZEROS] += positives


@inline
def add_moments(x: int, n: int, above: int, masks: int, out_at: int) -> None:
    """Add the moments of x, tile by tile."""
    for begin in range(0, n, TILE):
        if above:
            _add_tile(x + 4 * begin, min(TILE, n - begin), True, masks, out_at)
        else:
            _add_tile(x + 4 * begin, min(TILE, n - begin), False, masks, out_at)


class Summed(NamedTuple):
    """x, and the place of its moments."""

    x: Address
    size: int
    above: int
    masks: Address  # MASKS bytes for each worker
    control: Address
    at: int


@kernel
def moments(b: Summed, thread: int, team: int) -> None:
    """The moments of x, and of max(0, x) where `above` asks for them."""
    out = block(b.control, thread, b.at)
    clear(out, 2 * OF_MOMENTS if b.above else OF_MOMENTS)
    start, count = share(b.size, 64, thread, team)
    add_moments(b.x + 4 * start, count, b.above, b.masks + MASKS * thread, out)
