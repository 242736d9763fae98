"""Vectors of 16 float32 numbers, to and from memory.

`load_part` and `store_part` touch the first `count` lanes only, so that no loop needs a remainder.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from koubai.engines.native.kernels.base import inline
from koubai.engines.native.kernels.simd import (
    BITS,
    DOUBLES,
    FLOATS,
    INTS,
    LANES,
    MASK,
    VECTOR,
    spread,
    sum_doubles,
)

_I8, _I32 = ir.IntType(8), ir.IntType(32)
_SHORTS = ir.VectorType(ir.IntType(16), LANES)
_BYTES = ir.VectorType(_I8, LANES)


def first_lanes(builder: Any, count: Any) -> Any:
    """The mask of the first `count` lanes."""
    numbers = ir.Constant(INTS, list(range(LANES)))
    return builder.icmp_signed("<", numbers, spread(builder, builder.trunc(count, _I32), INTS))


def masked_load(
    builder: Any, address: Any, mask: Any, kind: Any, align: int, name: str, others: Any = None
) -> Any:
    """The lanes of a mask from an address, `others` (or 0) elsewhere; `name` is LLVM's of the vector."""
    pointer = builder.inttoptr(address, kind.as_pointer())
    function = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(kind, (kind.as_pointer(), _I32, BITS, kind)),
        f"llvm.masked.load.{name}.p0",
    )
    rest = ir.Constant(kind, None) if others is None else others
    return builder.call(function, (pointer, ir.Constant(_I32, align), mask, rest))


def masked_store(builder: Any, address: Any, mask: Any, value: Any, align: int, name: str) -> None:
    """Write the lanes of a mask."""
    kind = value.type
    pointer = builder.inttoptr(address, kind.as_pointer())
    function = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(ir.VoidType(), (kind, kind.as_pointer(), _I32, BITS)),
        f"llvm.masked.store.{name}.p0",
    )
    builder.call(function, (value, pointer, ir.Constant(_I32, align), mask))


@intrinsic
def first(typing: Any, count: Any) -> Any:
    """The mask of the first `count` lanes."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return first_lanes(builder, args[0])

    return MASK(types.int64), generate


@intrinsic
def load(typing: Any, address: Any) -> Any:
    """Sixteen numbers at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(builder.inttoptr(args[0], FLOATS.as_pointer()), align=4)

    return VECTOR(types.int64), generate


@intrinsic
def load_part(typing: Any, address: Any, count: Any) -> Any:
    """The first `count` lanes from an address, 0 in the others."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return masked_load(builder, args[0], first_lanes(builder, args[1]), FLOATS, 4, "v16f32")

    return VECTOR(types.int64, types.int64), generate


@inline
def load_up_to(address: int, count: int) -> Any:
    """The same, where mostly all lanes are asked for."""
    return load(address) if count >= LANES else load_part(address, count)


@intrinsic
def load_half(typing: Any, address: Any, count: Any) -> Any:
    """The first `count` bfloat16 numbers at an address, 0 in the other lanes."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        raw = masked_load(builder, args[0], first_lanes(builder, args[1]), _SHORTS, 2, "v16i16")
        bits = builder.shl(builder.zext(raw, INTS), ir.Constant(INTS, [16] * LANES))
        return builder.bitcast(bits, FLOATS)

    return VECTOR(types.int64, types.int64), generate


@intrinsic
def store_half(typing: Any, address: Any, value: Any, count: Any) -> Any:
    """Write the first `count` lanes as bfloat16, rounded to the nearest, ties to even."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bits = builder.bitcast(args[1], INTS)
        shift, ones = ir.Constant(INTS, [16] * LANES), ir.Constant(INTS, [1] * LANES)
        odd = builder.and_(builder.lshr(bits, shift), ones)
        rounded = builder.add(builder.add(bits, ir.Constant(INTS, [0x7FFF] * LANES)), odd)
        nan = builder.fcmp_unordered("uno", args[1], args[1])
        rounded = builder.select(nan, ir.Constant(INTS, [0x7FC00000] * LANES), rounded)
        raw = builder.trunc(builder.lshr(rounded, shift), _SHORTS)
        masked_store(builder, args[0], first_lanes(builder, args[2]), raw, 2, "v16i16")
        return context.get_dummy_value()

    return types.none(types.int64, VECTOR, types.int64), generate


@intrinsic
def load_bytes(typing: Any, address: Any, count: Any) -> Any:
    """The first `count` bytes at an address, as numbers."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        raw = masked_load(builder, args[0], first_lanes(builder, args[1]), _BYTES, 1, "v16i8")
        return builder.uitofp(raw, FLOATS)

    return VECTOR(types.int64, types.int64), generate


@intrinsic
def store(typing: Any, address: Any, value: Any) -> Any:
    """Write all lanes."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[1], builder.inttoptr(args[0], FLOATS.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.none(types.int64, VECTOR), generate


@intrinsic
def store_part(typing: Any, address: Any, value: Any, count: Any) -> Any:
    """Write the first `count` lanes."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        masked_store(builder, args[0], first_lanes(builder, args[2]), args[1], 4, "v16f32")
        return context.get_dummy_value()

    return types.none(types.int64, VECTOR, types.int64), generate


@inline
def store_up_to(address: int, value: Any, count: int) -> None:
    """The same, where mostly all lanes are asked for."""
    if count >= LANES:
        store(address, value)
    else:
        store_part(address, value, count)


@intrinsic
def store_bytes(typing: Any, address: Any, value: Any, count: Any) -> Any:
    """Write the first `count` lanes, whole numbers below 256, as bytes."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        raw = builder.fptoui(args[1], _BYTES)
        masked_store(builder, args[0], first_lanes(builder, args[2]), raw, 1, "v16i8")
        return context.get_dummy_value()

    return types.none(types.int64, VECTOR, types.int64), generate


def ask_for(builder: Any, address: Any, *, write: int = 0) -> None:
    """Ask for the cache line at an address."""
    pointer = builder.inttoptr(address, _I8.as_pointer())
    kind = ir.FunctionType(ir.VoidType(), (pointer.type, _I32, _I32, _I32))
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(function, (pointer, *(ir.Constant(_I32, n) for n in (write, 3, 1))))


def _prefetching(write: int) -> Any:
    @intrinsic
    def ask(typing: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            ask_for(builder, args[0], write=write)
            return context.get_dummy_value()

        return types.none(types.int64), generate

    return ask


# Ask for the cache line at an address: to be read soon, or by this core alone, to be written soon.
prefetch, prefetch_to_write = _prefetching(0), _prefetching(1)


@intrinsic
def store_mask(typing: Any, address: Any, mask: Any) -> Any:
    """Write a mask as two bytes, a bit a lane."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bits = ir.IntType(LANES)
        builder.store(builder.bitcast(args[1], bits), builder.inttoptr(args[0], bits.as_pointer()), align=2)
        return context.get_dummy_value()

    return types.none(types.int64, MASK), generate


@intrinsic
def count_ones(typing: Any, address: Any, count: Any) -> Any:
    """How many bits are set in each of the first `count` int32 at an address, 0 in other lanes."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        raw = masked_load(builder, args[0], first_lanes(builder, args[1]), INTS, 4, "v16i32")
        kind = ir.FunctionType(INTS, (INTS,))
        ones = cgutils.get_or_insert_function(builder.module, kind, "llvm.ctpop.v16i32")
        return builder.uitofp(builder.call(ones, (raw,)), FLOATS)

    return VECTOR(types.int64, types.int64), generate


@intrinsic
def add_to_doubles(typing: Any, address: Any, value: Any) -> Any:
    """Add the lanes to 16 float64 numbers."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], DOUBLES.as_pointer())
        total = builder.fadd(builder.load(pointer, align=8), builder.fpext(args[1], DOUBLES))
        builder.store(total, pointer, align=8)
        return context.get_dummy_value()

    return types.none(types.int64, VECTOR), generate


@intrinsic
def total_at(typing: Any, address: Any) -> Any:
    """The sum of 16 float64 numbers at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return sum_doubles(builder, builder.load(builder.inttoptr(args[0], DOUBLES.as_pointer()), align=8))

    return types.float64(types.int64), generate
