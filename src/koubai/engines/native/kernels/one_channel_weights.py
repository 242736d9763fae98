"""Gradients of the convolutions of one_channel.py, whose outputs a pooling of two by two reads.

Of the four outputs of a window of the pooling at most one has a gradient. So each window costs one
multiply-add for every place of W, of the one number of four of x that met this gradient: `quads` has the
four numbers x[i, j], x[i, j+1], x[i+1, j], x[i+1, j+1] side by side for every i and j, and the place of the
maximum picks one of them, another one in every lane. The sums of a sample stay in registers, and are added
to those of the samples before it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.core import cgutils

from koubai.engines.native.kernels.base import inline, kernel, share
from koubai.engines.native.kernels.block import Address
from koubai.engines.native.kernels.functions import ZERO
from koubai.engines.native.kernels.instruction import call_llvm, instruction
from koubai.engines.native.kernels.one_channel import OneChannelConvolution
from koubai.engines.native.kernels.simd import FLOATS, INTS, LANES, MASK, VECTOR, fused, splat
from koubai.engines.native.kernels.simd_memory import (
    first,
    load_up_to,
    masked_load,
    masked_store,
    store,
    store_up_to,
)

_I8, _I64, _FLOAT_BYTES, _QUAD = ir.IntType(8), ir.IntType(64), 4, 4
_BYTES, _FOUR = ir.VectorType(_I8, LANES), ir.VectorType(ir.FloatType(), _QUAD)
SIDES = (3, 5)  # of the windows that there are kernels for: their sums fit into the registers


class OneChannelGradients(NamedTuple):
    """dW (KH KW, C) and db in the places of W and b; dy of P x Q poolings' windows.

    `dy` lies as y of the pooling, with the `places` of its maxima; or, where `places` is 0, as y of the
    convolution in blocks of 16 channels.
    """

    convolution: OneChannelConvolution
    dy: Address
    places: Address  # or 0
    P: int
    Q: int
    quads: Address  # scratch: `quads_of` numbers a thread


def quads_of(H: int, W: int) -> int:
    """Numbers of the scratch of a thread."""
    return (H - 1) * _columns(W) * _QUAD


@inline
def _columns(W: int) -> Any:
    """Quads in a row, with those that are written but never read."""
    return (W - 1 + LANES - 1) // LANES * LANES


@instruction(types.UniTuple(VECTOR, 4), *[VECTOR] * 4)
def _between(builder: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """Four vectors that have a0 b0 c0 d0 a1 b1 c1 d1 ... together."""
    quads = []
    for half in (0, LANES // 2):
        pairs = INTS([lane + n * LANES for lane in range(half, half + LANES // 2) for n in (0, 1)])
        left, right = (builder.shuffle_vector(*two, pairs) for two in ((a, b), (c, d)))
        for part in (0, LANES // 2):
            order = [part + 2 * i + k + n * LANES for i in range(LANES // 4) for n in (0, 1) for k in (0, 1)]
            quads.append(builder.shuffle_vector(left, right, INTS(order)))
    return quads


@inline
def _lay_out(x: int, H: int, W: int, quads: int) -> None:
    """The quads of a sample."""
    columns = _columns(W)
    for i in range(H - 1):
        for j in range(0, W - 1, LANES):
            at, width, to = x + 4 * (i * W + j), min(LANES, W - 1 - j), quads + 16 * (i * columns + j)
            four = _between(
                load_up_to(at, width),
                load_up_to(at + 4, width),
                load_up_to(at + 4 * W, width),
                load_up_to(at + 4 * W + 4, width),
            )
            for n in range(4):
                store(to + 4 * LANES * n, four[n])


class _Windows:
    """Emits the sums of a sample, for sixteen channels: over all windows of the pooling, in order."""

    def __init__(self, builder: Any, side: int, quads: Any, quads_row: Any) -> None:
        self._builder, self._side, self._quads, self._row = builder, side, quads, quads_row
        self._sums = [cgutils.alloca_once(builder, FLOATS) for _ in range(side * side + 1)]
        for total in self._sums:
            builder.store(FLOATS(None), total)

    def add(self, p: Any, q: Any, dy: Any, place: Any) -> None:
        """A window's gradient, and the number of its place, a lane each."""
        builder, two = self._builder, _I64(2)
        spread = ir.Constant(INTS, [*range(_QUAD)] * (LANES // _QUAD))
        for i in range(self._side):
            row = builder.add(self._quads, builder.mul(builder.add(builder.mul(p, two), _I64(i)), self._row))
            for j in range(self._side):
                column = builder.mul(builder.add(builder.mul(q, two), _I64(j)), _I64(4 * _QUAD))
                at = builder.inttoptr(builder.add(row, column), _FOUR.as_pointer())
                four = builder.load(at, align=4)
                quads = builder.shuffle_vector(four, four, spread)
                x = call_llvm(builder, "x86.avx512.vpermilvar.ps.512", FLOATS, quads, place)
                total = self._sums[i * self._side + j]
                builder.store(fused(builder, x, dy, builder.load(total)), total)
        builder.store(builder.fadd(dy, builder.load(self._sums[-1])), self._sums[-1])

    def leave(self, dw: Any, dw_row: Any, db: Any, mask: Any) -> None:
        """Add the sums to those in memory."""
        builder = self._builder

        def add(at: Any, total: Any) -> None:
            before = masked_load(builder, at, mask, FLOATS, _FLOAT_BYTES, "v16f32")
            masked_store(builder, at, mask, builder.fadd(before, builder.load(total)), _FLOAT_BYTES, "v16f32")

        for k, total in enumerate(self._sums[:-1]):
            add(builder.add(dw, builder.mul(_I64(k), dw_row)), total)
        with builder.if_then(cgutils.is_not_null(builder, db)):
            add(db, self._sums[-1])


def _pooled(builder: Any, dy: Any, places: Any, mask: Any) -> tuple[Any, Any]:
    """The gradient of a window as the pooling has it: 0 where the maximum has no place."""
    value = masked_load(builder, dy, mask, FLOATS, _FLOAT_BYTES, "v16f32")
    place = masked_load(builder, places, mask, _BYTES, 1, "v16i8")
    there = builder.icmp_unsigned("<", place, ir.Constant(_BYTES, [4] * LANES))
    return builder.select(there, value, FLOATS(None)), builder.zext(place, INTS)


def _of_four(builder: Any, corner: Any, row: Any) -> tuple[Any, Any]:
    """The same of four gradients of which at most one is not 0; two of them are `row` bytes further on."""
    total, place = FLOATS(None), INTS(None)
    right = builder.add(corner, _I64(4 * LANES))
    for number, at in enumerate((corner, right, builder.add(corner, row), builder.add(right, row))):
        value = builder.load(builder.inttoptr(at, FLOATS.as_pointer()), align=_FLOAT_BYTES)
        here = builder.fcmp_unordered("!=", value, FLOATS(None))
        place = builder.select(here, INTS([number] * LANES), place)
        total = builder.fadd(total, value)
    return total, place


def _adding(side: int, *, pooled: bool) -> Any:
    """Return the function that adds a sample to the gradients of sixteen outputs of windows side x side.

    `dy` and `places` are those of its first window; a row of dy has `dy_row` numbers, a place `dy_step`.
    """

    @instruction(types.none, *[types.int64] * 11, MASK)
    def add(
        builder: Any, quads: Any, quads_row: Any, dy: Any, dy_row: Any, dy_step: Any, places: Any, P: Any,
        Q: Any, dw: Any, dw_row: Any, db: Any, mask: Any,
    ) -> None:  # fmt: skip
        windows = _Windows(builder, side, quads, quads_row)
        with cgutils.for_range(builder, P) as down, cgutils.for_range(builder, Q) as across:
            p, q = down.index, across.index
            at = builder.add(builder.mul(p, dy_row), builder.mul(q, dy_step))
            if pooled:
                here = builder.add(dy, builder.mul(at, _I64(_FLOAT_BYTES)))
                window = _pooled(builder, here, builder.add(places, at), mask)
            else:
                corner = builder.add(dy, builder.mul(at, _I64(2 * _FLOAT_BYTES)))
                window = _of_four(builder, corner, builder.mul(dy_row, _I64(_FLOAT_BYTES)))
            windows.add(p, q, *window)
        windows.leave(dw, dw_row, db, mask)

    return add


_pooled_3, _pooled_5 = (_adding(side, pooled=True) for side in SIDES)
_blocks_3, _blocks_5 = (_adding(side, pooled=False) for side in SIDES)


@kernel
def one_channel_weights(b: OneChannelGradients, thread: int, team: int) -> None:
    """dW and db."""
    o, P, Q = b.convolution, b.P, b.Q
    H, W, C, blocks = o.H - o.KH + 1, o.W - o.KW + 1, o.C, (o.C + LANES - 1) // LANES
    quads, row, dw_row = b.quads + thread * 16 * (o.H - 1) * _columns(o.W), 16 * _columns(o.W), 4 * C
    from_, count = share(blocks, 1, thread, team)
    start, stop = LANES * from_, min(C, LANES * (from_ + count))
    for c in range(start, stop, LANES):
        for k in range(o.KH * o.KW):
            store_up_to(o.weight + 4 * (k * C + c), splat(ZERO), C - c)
        if o.bias:
            store_up_to(o.bias + 4 * c, splat(ZERO), C - c)
    for n in range(o.samples if count else 0):
        _lay_out(o.x + 4 * n * o.H * o.W, o.H, o.W, quads)
        for c in range(start, stop, LANES):
            dw, db, mask = o.weight + 4 * c, o.bias + 4 * c if o.bias else 0, first(C - c)
            at, block = n * P * Q * C + c, 4 * LANES * (n * blocks + c // LANES) * H * W
            dy, places = b.dy + (4 * at if b.places else block), b.places + at
            if b.places and SIDES[0] == o.KH:
                _pooled_3(quads, row, dy, Q * C, C, places, P, Q, dw, dw_row, db, mask)
            elif b.places:
                _pooled_5(quads, row, dy, Q * C, C, places, P, Q, dw, dw_row, db, mask)
            elif SIDES[0] == o.KH:
                _blocks_3(quads, row, dy, W * LANES, LANES, 0, P, Q, dw, dw_row, db, mask)
            else:
                _blocks_5(quads, row, dy, W * LANES, LANES, 0, P, Q, dw, dw_row, db, mask)
