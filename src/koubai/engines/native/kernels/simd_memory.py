"""Vectors of 16 float32 numbers, to and from memory.

`load_part` and `store_part` touch the first `count` lanes only, so that no loop needs a remainder.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from koubai.engines.native.kernels.base import inline
from koubai.engines.native.kernels.instruction import call_llvm, instruction
from koubai.engines.native.kernels.simd import DOUBLES, FLOATS, INTS, LANES, MASK, VECTOR, spread, sum_doubles

_I8, _I32 = ir.IntType(8), ir.IntType(32)
_SHORTS = ir.VectorType(ir.IntType(16), LANES)
_BYTES = ir.VectorType(_I8, LANES)


def first_lanes(builder: Any, count: Any) -> Any:
    """The mask of the first `count` lanes."""
    numbers = ir.Constant(INTS, list(range(LANES)))
    return builder.icmp_signed("<", numbers, spread(builder, builder.trunc(count, _I32), INTS))


first = instruction(MASK, types.int64)(first_lanes)


def masked_load(
    builder: Any, address: Any, mask: Any, kind: Any, align: int, name: str, others: Any = None
) -> Any:
    """The lanes of a mask from an address, `others` (or 0) elsewhere; `name` is LLVM's of the vector."""
    pointer = builder.inttoptr(address, kind.as_pointer())
    rest = ir.Constant(kind, None) if others is None else others
    return call_llvm(builder, f"masked.load.{name}.p0", kind, pointer, _I32(align), mask, rest)


def masked_store(builder: Any, address: Any, mask: Any, value: Any, align: int, name: str) -> None:
    """Write the lanes of a mask."""
    pointer = builder.inttoptr(address, value.type.as_pointer())
    call_llvm(builder, f"masked.store.{name}.p0", ir.VoidType(), value, pointer, _I32(align), mask)


@instruction(VECTOR, types.int64)
def load(builder: Any, address: Any) -> Any:
    """Sixteen numbers at an address."""
    return builder.load(builder.inttoptr(address, FLOATS.as_pointer()), align=4)


@instruction(VECTOR, types.int64, types.int64)
def load_part(builder: Any, address: Any, count: Any) -> Any:
    """The first `count` lanes from an address, 0 in the others."""
    return masked_load(builder, address, first_lanes(builder, count), FLOATS, 4, "v16f32")


@inline
def load_up_to(address: int, count: int) -> Any:
    """The same, where mostly all lanes are asked for."""
    return load(address) if count >= LANES else load_part(address, count)


@instruction(VECTOR, types.int64, types.int64)
def load_half(builder: Any, address: Any, count: Any) -> Any:
    """The first `count` bfloat16 numbers at an address, 0 in the other lanes."""
    raw = masked_load(builder, address, first_lanes(builder, count), _SHORTS, 2, "v16i16")
    bits = builder.shl(builder.zext(raw, INTS), ir.Constant(INTS, [16] * LANES))
    return builder.bitcast(bits, FLOATS)


@instruction(types.none, types.int64, VECTOR, types.int64)
def store_half(builder: Any, address: Any, value: Any, count: Any) -> None:
    """Write the first `count` lanes as bfloat16, rounded to the nearest, ties to even."""
    bits = builder.bitcast(value, INTS)
    shift, ones = ir.Constant(INTS, [16] * LANES), ir.Constant(INTS, [1] * LANES)
    odd = builder.and_(builder.lshr(bits, shift), ones)
    rounded = builder.add(builder.add(bits, ir.Constant(INTS, [0x7FFF] * LANES)), odd)
    nan = builder.fcmp_unordered("uno", value, value)
    rounded = builder.select(nan, ir.Constant(INTS, [0x7FC00000] * LANES), rounded)
    raw = builder.trunc(builder.lshr(rounded, shift), _SHORTS)
    masked_store(builder, address, first_lanes(builder, count), raw, 2, "v16i16")


@instruction(VECTOR, types.int64, types.int64)
def load_bytes(builder: Any, address: Any, count: Any) -> Any:
    """The first `count` bytes at an address, as numbers."""
    raw = masked_load(builder, address, first_lanes(builder, count), _BYTES, 1, "v16i8")
    return builder.uitofp(raw, FLOATS)


@instruction(types.none, types.int64, VECTOR)
def store(builder: Any, address: Any, value: Any) -> None:
    """Write all lanes."""
    builder.store(value, builder.inttoptr(address, FLOATS.as_pointer()), align=4)


@instruction(types.none, types.int64, VECTOR, types.int64)
def store_part(builder: Any, address: Any, value: Any, count: Any) -> None:
    """Write the first `count` lanes."""
    masked_store(builder, address, first_lanes(builder, count), value, 4, "v16f32")


@inline
def store_up_to(address: int, value: Any, count: int) -> None:
    """The same, where mostly all lanes are asked for."""
    if count >= LANES:
        store(address, value)
    else:
        store_part(address, value, count)


@instruction(types.none, types.int64, VECTOR, types.int64)
def store_bytes(builder: Any, address: Any, value: Any, count: Any) -> None:
    """Write the first `count` lanes, whole numbers below 256, as bytes."""
    raw = builder.fptoui(value, _BYTES)
    masked_store(builder, address, first_lanes(builder, count), raw, 1, "v16i8")


def ask_for(builder: Any, address: Any, *, write: int = 0) -> None:
    """Ask for the cache line at an address."""
    pointer = builder.inttoptr(address, _I8.as_pointer())
    call_llvm(builder, "prefetch.p0", ir.VoidType(), pointer, _I32(write), _I32(3), _I32(1))


def _prefetching(write: int) -> Any:
    @instruction(types.none, types.int64)
    def ask(builder: Any, address: Any) -> None:
        ask_for(builder, address, write=write)

    return ask


# Ask for the cache line at an address: to be read soon, or by this core alone, to be written soon.
prefetch, prefetch_to_write = _prefetching(0), _prefetching(1)


@instruction(types.none, types.int64, MASK)
def store_mask(builder: Any, address: Any, mask: Any) -> None:
    """Write a mask as two bytes, a bit a lane."""
    bits = ir.IntType(LANES)
    builder.store(builder.bitcast(mask, bits), builder.inttoptr(address, bits.as_pointer()), align=2)


@instruction(VECTOR, types.int64, types.int64)
def count_ones(builder: Any, address: Any, count: Any) -> Any:
    """How many bits are set in each of the first `count` int32 at an address, 0 in other lanes."""
    raw = masked_load(builder, address, first_lanes(builder, count), INTS, 4, "v16i32")
    return builder.uitofp(call_llvm(builder, "ctpop.v16i32", INTS, raw), FLOATS)


@instruction(types.none, types.int64, VECTOR)
def add_to_doubles(builder: Any, address: Any, value: Any) -> None:
    """Add the lanes to 16 float64 numbers."""
    pointer = builder.inttoptr(address, DOUBLES.as_pointer())
    total = builder.fadd(builder.load(pointer, align=8), builder.fpext(value, DOUBLES))
    builder.store(total, pointer, align=8)


@instruction(types.float64, types.int64)
def total_at(builder: Any, address: Any) -> Any:
    """The sum of 16 float64 numbers at an address."""
    return sum_doubles(builder, builder.load(builder.inttoptr(address, DOUBLES.as_pointer()), align=8))
