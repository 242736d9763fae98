"""Convolutions of images of one channel, and the pooling behind them, with all sums in registers.

A tile are two rows of six places, times 32 outputs. Every output is one chain of multiply-adds over the
window's places in order, from the bias on, each rounded once: pooled at once or not, it has the same bits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.core import cgutils

from koubai.engines.native.kernels.base import inline, kernel, share
from koubai.engines.native.kernels.block import Address
from koubai.engines.native.kernels.functions import ZERO
from koubai.engines.native.kernels.instruction import instruction
from koubai.engines.native.kernels.max_pool import largest_of_any, largest_of_four, put
from koubai.engines.native.kernels.pool import Pool
from koubai.engines.native.kernels.simd import (
    FLOATS,
    LANES,
    MASK,
    VECTOR,
    any_lane,
    fused,
    select,
    splat,
    spread,
)
from koubai.engines.native.kernels.simd_memory import first, load_part, masked_load, store

_I64, _FLOAT = ir.IntType(64), ir.FloatType()
ROWS, COLUMNS = 2, 6  # of places in a tile
_VECTORS = 2


class OneChannelConvolution(NamedTuple):
    """x (samples, H, W) by windows of KH x KW into C outputs; `weight` lies as (KH KW, C)."""

    x: Address
    weight: Address
    bias: Address  # or 0
    samples: int
    C: int
    H: int
    W: int
    KH: int
    KW: int


class IntoBlocks(NamedTuple):
    """A convolution whose y has blocks of 16 channels."""

    convolution: OneChannelConvolution
    y: Address


class IntoPool(NamedTuple):
    """A convolution, and the pooling of two by two that reads it; the x of that is nowhere."""

    convolution: OneChannelConvolution
    pool: Pool


@instruction(
    types.UniTuple(VECTOR, ROWS * COLUMNS * _VECTORS), *[types.int64] * 6, MASK, MASK, VECTOR, VECTOR
)
def _tile(
    builder: Any, x: Any, x_row: Any, weight: Any, w_row: Any, KH: Any, KW: Any, low: Any, high: Any,
    start: Any, start_high: Any,
) -> Any:  # fmt: skip
    """The sums of a tile, row by row, place by place: of 16 outputs, of the next 16; both have a mask."""
    count = ROWS * COLUMNS * _VECTORS
    sums = [cgutils.alloca_once(builder, FLOATS) for _ in range(count)]
    for i, total in enumerate(sums):
        builder.store((start, start_high)[i % _VECTORS], total)
    with cgutils.for_range(builder, KH) as down:
        rows = [builder.add(x, builder.mul(builder.add(down.index, _I64(r)), x_row)) for r in range(ROWS)]
        with cgutils.for_range(builder, KW) as across:
            k = builder.add(builder.mul(down.index, KW), across.index)
            at = builder.add(weight, builder.mul(k, w_row))
            w = [
                masked_load(builder, builder.add(at, _I64(4 * LANES * v)), mask, FLOATS, 4, "v16f32")
                for v, mask in enumerate((low, high))
            ]
            for r, row in enumerate(rows):
                place = builder.add(row, builder.mul(across.index, _I64(4)))
                for c in range(COLUMNS):
                    pointer = builder.inttoptr(builder.add(place, _I64(4 * c)), _FLOAT.as_pointer())
                    a = spread(builder, builder.load(pointer, align=4), FLOATS)
                    for v in range(_VECTORS):
                        total = sums[(r * COLUMNS + c) * _VECTORS + v]
                        builder.store(fused(builder, a, w[v], builder.load(total)), total)
    return [builder.load(total) for total in sums]


@inline
def _sums(b: OneChannelConvolution, n: int, row: int, column: int, c: int) -> Any:
    """The tile from that place of sample n on, of outputs from c on."""
    low, high, left = first(b.C - c), first(b.C - c - LANES), b.C - c
    start, start_high = splat(ZERO), splat(ZERO)
    if b.bias:
        start, start_high = load_part(b.bias + 4 * c, left), load_part(b.bias + 4 * (c + LANES), left - LANES)
    x = b.x + 4 * ((n * b.H + row) * b.W + column)
    return _tile(x, 4 * b.W, b.weight + 4 * c, 4 * b.C, b.KH, b.KW, low, high, start, start_high)


@kernel
def convolve_into_blocks(b: IntoBlocks, thread: int, team: int) -> None:
    """y = W * x + b."""
    o = b.convolution
    H, W, blocks = o.H - o.KH + 1, o.W - o.KW + 1, (o.C + LANES - 1) // LANES
    from_, count = share(o.samples, 1, thread, team)
    for n in range(from_, from_ + count):
        for c in range(0, o.C, _VECTORS * LANES):
            last = first(o.C - c - LANES)
            y = b.y + 4 * LANES * (n * blocks + c // LANES) * H * W
            for at in range(0, H, ROWS):
                for to in range(0, W, COLUMNS):
                    i, j = min(at, H - ROWS), min(to, W - COLUMNS)
                    sums = _sums(o, n, i, j, c)
                    for r in range(ROWS):
                        for q in range(COLUMNS):
                            place, number = (
                                y + 4 * LANES * ((i + r) * W + j + q),
                                _VECTORS * (r * COLUMNS + q),
                            )
                            store(place, sums[number])
                            store(place + 4 * LANES * H * W, select(last, sums[number + 1], splat(ZERO)))


@inline
def _pool(b: Pool, out: int, top: Any, right: Any, low: Any, last: Any, width: int) -> None:
    best, where, nan = largest_of_four(top, right, low, last)
    if any_lane(nan):
        best, where = largest_of_any(top, right, low, last)
    put(b, out, best, where, width, False)


@kernel
def convolve_into_pool(b: IntoPool, thread: int, team: int) -> None:
    """y = the maxima of W * x + b, or of max(0, W * x + b), and their places."""
    o, pool = b.convolution, b.pool
    P, Q, C = pool.windows.P, pool.windows.Q, o.C
    from_, count = share(o.samples, 1, thread, team)
    for n in range(from_, from_ + count):
        for c in range(0, C, _VECTORS * LANES):
            wide, rest = min(LANES, C - c), min(LANES, C - c - LANES)
            for p in range(P):
                for to in range(0, Q, COLUMNS // 2):
                    q = min(to, Q - COLUMNS // 2)
                    s, out = _sums(o, n, 2 * p, 2 * q, c), ((n * P + p) * Q + q) * C + c
                    _pool(pool, out, s[0], s[2], s[12], s[14], wide)
                    _pool(pool, out + LANES, s[1], s[3], s[13], s[15], rest)
                    _pool(pool, out + C, s[4], s[6], s[16], s[18], wide)
                    _pool(pool, out + C + LANES, s[5], s[7], s[17], s[19], rest)
                    _pool(pool, out + 2 * C, s[8], s[10], s[20], s[22], wide)
                    _pool(pool, out + 2 * C + LANES, s[9], s[11], s[21], s[23], rest)
