"""Vectors of 16 float32 numbers, for inner loops too short for a compiler to see a vector in.

`Vector` and `Mask` values live in registers. Every function below becomes an instruction or two of machine
code; where the processor has narrower vectors, a few more. `load_part` and `store_part` touch the first
`count` lanes only, so that no loop needs a remainder.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

LANES = 16
_I8, _I32, _FLOAT = ir.IntType(8), ir.IntType(32), ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, LANES)
_DOUBLES = ir.VectorType(ir.DoubleType(), LANES)
_SHORTS = ir.VectorType(ir.IntType(16), LANES)
_BYTES = ir.VectorType(_I8, LANES)
_INTS = ir.VectorType(_I32, LANES)
_MASK = ir.VectorType(ir.IntType(1), LANES)


class _Vector(types.Type):
    """Sixteen float32 numbers."""

    def __init__(self) -> None:
        super().__init__(name="Vector16")


class _Mask(types.Type):
    """Sixteen answers."""

    def __init__(self) -> None:
        super().__init__(name="Mask16")


VECTOR, MASK = _Vector(), _Mask()


@register_model(_Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)


@register_model(_Mask)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _MASK)


def _splat(builder: Any, scalar: Any, kind: Any) -> Any:
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), scalar, ir.Constant(_I32, 0))
    zeros = ir.Constant(_INTS, [0] * LANES)
    return builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), zeros)


def _first(builder: Any, count: Any) -> Any:
    """The mask of the first `count` lanes."""
    numbers = ir.Constant(_INTS, list(range(LANES)))
    return builder.icmp_signed("<", numbers, _splat(builder, builder.trunc(count, _I32), _INTS))


def _masked_load(builder: Any, address: Any, mask: Any, kind: Any, align: int, name: str) -> Any:
    pointer = builder.inttoptr(address, kind.as_pointer())
    function = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(kind, (kind.as_pointer(), _I32, _MASK, kind)),
        f"llvm.masked.load.{name}.p0",
    )
    return builder.call(function, (pointer, ir.Constant(_I32, align), mask, ir.Constant(kind, None)))


def _masked_store(builder: Any, address: Any, mask: Any, value: Any, align: int, name: str) -> None:
    kind = value.type
    pointer = builder.inttoptr(address, kind.as_pointer())
    function = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(ir.VoidType(), (kind, kind.as_pointer(), _I32, _MASK)),
        f"llvm.masked.store.{name}.p0",
    )
    builder.call(function, (value, pointer, ir.Constant(_I32, align), mask))


@intrinsic
def load(typing: Any, address: Any) -> Any:
    """Sixteen numbers at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(builder.inttoptr(args[0], _VECTOR.as_pointer()), align=4)

    return VECTOR(types.int64), generate


@intrinsic
def load_part(typing: Any, address: Any, count: Any) -> Any:
    """The first `count` lanes from an address, 0 in the others."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _masked_load(builder, args[0], _first(builder, args[1]), _VECTOR, 4, "v16f32")

    return VECTOR(types.int64, types.int64), generate


@intrinsic
def load_half(typing: Any, address: Any, count: Any) -> Any:
    """The first `count` bfloat16 numbers at an address, 0 in the other lanes."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        raw = _masked_load(builder, args[0], _first(builder, args[1]), _SHORTS, 2, "v16i16")
        bits = builder.shl(builder.zext(raw, _INTS), ir.Constant(_INTS, [16] * LANES))
        return builder.bitcast(bits, _VECTOR)

    return VECTOR(types.int64, types.int64), generate


@intrinsic
def store_half(typing: Any, address: Any, value: Any, count: Any) -> Any:
    """Write the first `count` lanes as bfloat16, rounded to the nearest, ties to even."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bits = builder.bitcast(args[1], _INTS)
        shift, ones = ir.Constant(_INTS, [16] * LANES), ir.Constant(_INTS, [1] * LANES)
        odd = builder.and_(builder.lshr(bits, shift), ones)
        rounded = builder.add(builder.add(bits, ir.Constant(_INTS, [0x7FFF] * LANES)), odd)
        nan = builder.fcmp_unordered("uno", args[1], args[1])
        rounded = builder.select(nan, ir.Constant(_INTS, [0x7FC00000] * LANES), rounded)
        raw = builder.trunc(builder.lshr(rounded, shift), _SHORTS)
        _masked_store(builder, args[0], _first(builder, args[2]), raw, 2, "v16i16")
        return context.get_dummy_value()

    return types.none(types.int64, VECTOR, types.int64), generate


@intrinsic
def load_bytes(typing: Any, address: Any, count: Any) -> Any:
    """The first `count` bytes at an address, as numbers."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        raw = _masked_load(builder, args[0], _first(builder, args[1]), _BYTES, 1, "v16i8")
        return builder.uitofp(raw, _VECTOR)

    return VECTOR(types.int64, types.int64), generate


@intrinsic
def store(typing: Any, address: Any, value: Any) -> Any:
    """Write all lanes."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[1], builder.inttoptr(args[0], _VECTOR.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.none(types.int64, VECTOR), generate


@intrinsic
def store_part(typing: Any, address: Any, value: Any, count: Any) -> Any:
    """Write the first `count` lanes."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _masked_store(builder, args[0], _first(builder, args[2]), args[1], 4, "v16f32")
        return context.get_dummy_value()

    return types.none(types.int64, VECTOR, types.int64), generate


@intrinsic
def store_bytes(typing: Any, address: Any, value: Any, count: Any) -> Any:
    """Write the first `count` lanes, whole numbers below 256, as bytes."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        raw = builder.fptoui(args[1], _BYTES)
        _masked_store(builder, args[0], _first(builder, args[2]), raw, 1, "v16i8")
        return context.get_dummy_value()

    return types.none(types.int64, VECTOR, types.int64), generate


def _prefetching(write: int) -> Any:
    @intrinsic
    def ask(typing: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            pointer = builder.inttoptr(args[0], _I8.as_pointer())
            kind = ir.FunctionType(ir.VoidType(), (pointer.type, _I32, _I32, _I32))
            function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
            builder.call(function, (pointer, *(ir.Constant(_I32, n) for n in (write, 3, 1))))
            return context.get_dummy_value()

        return types.none(types.int64), generate

    return ask


# Ask for the cache line at an address: to be read soon, or by this core alone, to be written soon.
prefetch, prefetch_to_write = _prefetching(0), _prefetching(1)


@intrinsic
def splat(typing: Any, number: Any) -> Any:
    """The same number in all lanes."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _splat(builder, args[0], _VECTOR)

    return VECTOR(types.float32), generate


@intrinsic
def select(typing: Any, mask: Any, yes: Any, no: Any) -> Any:
    """`yes` where the mask says so, else `no`."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(*args)

    return VECTOR(MASK, VECTOR, VECTOR), generate


@intrinsic
def beats(typing: Any, a: Any, b: Any) -> Any:
    """Where a > b, or a is NaN."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        greater = builder.fcmp_ordered(">", args[0], args[1])
        return builder.or_(greater, builder.fcmp_unordered("uno", args[0], args[0]))

    return MASK(VECTOR, VECTOR), generate


@intrinsic
def differs(typing: Any, a: Any, b: Any) -> Any:
    """Where a is not b; true for NaN."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fcmp_unordered("!=", *args)

    return MASK(VECTOR, VECTOR), generate


def _of_each(name: str) -> Any:
    @intrinsic
    def apply(typing: Any, a: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kind = ir.FunctionType(_VECTOR, (_VECTOR,))
            function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v16f32")
            return builder.call(function, args)

        return VECTOR(VECTOR), generate

    return apply


# Magnitudes; square roots, rounded correctly.
absolute, square_root = _of_each("fabs"), _of_each("sqrt")


@intrinsic
def multiply_add(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c, rounded once."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(_VECTOR, (_VECTOR,) * 3)
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.fma.v16f32")
        return builder.call(function, args)

    return VECTOR(VECTOR, VECTOR, VECTOR), generate


@intrinsic
def any_lane(typing: Any, mask: Any) -> Any:
    """Whether the mask is true anywhere."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bits = builder.bitcast(args[0], ir.IntType(LANES))
        return builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(LANES), 0))

    return types.boolean(MASK), generate


@intrinsic
def add_to_doubles(typing: Any, address: Any, value: Any) -> Any:
    """Add the lanes to 16 float64 numbers."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], _DOUBLES.as_pointer())
        total = builder.fadd(builder.load(pointer, align=8), builder.fpext(args[1], _DOUBLES))
        builder.store(total, pointer, align=8)
        return context.get_dummy_value()

    return types.none(types.int64, VECTOR), generate


def _sum(builder: Any, doubles: Any) -> Any:
    """The sum of 16 float64 numbers, added in pairs."""
    kind = ir.FunctionType(ir.DoubleType(), (ir.DoubleType(), _DOUBLES))
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.vector.reduce.fadd.v16f64")
    return builder.call(function, (ir.Constant(ir.DoubleType(), 0.0), doubles), fastmath=("reassoc",))


@intrinsic
def total_of(typing: Any, value: Any) -> Any:
    """The sum of the lanes, in float64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _sum(builder, builder.fpext(args[0], _DOUBLES))

    return types.float64(VECTOR), generate


@intrinsic
def total_at(typing: Any, address: Any) -> Any:
    """The sum of 16 float64 numbers at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _sum(builder, builder.load(builder.inttoptr(args[0], _DOUBLES.as_pointer()), align=8))

    return types.float64(types.int64), generate


def _operator(
    symbol: Any, kind: types.Type, result: types.Type, build: Callable[[Any, Any, Any], Any]
) -> None:
    """Give values of a kind an operator."""

    @intrinsic
    def apply(typing: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return build(builder, *args)

        return result(kind, kind), generate

    @overload(symbol)
    def _overloaded(a, b):  # type: ignore[no-untyped-def]  # Numba compares it with the lambda
        both = isinstance(a, type(kind)) and isinstance(b, type(kind))
        return (lambda a, b: apply(a, b)) if both else None  # noqa: PLW0108 - Numba wants a plain function


def _compare(symbol: str) -> Callable[[Any, Any, Any], Any]:
    """A comparison, false where a number is NaN."""
    return lambda builder, a, b: builder.fcmp_ordered(symbol, a, b)


for _symbol, _kind, _result, _build in (
    (operator.add, VECTOR, VECTOR, ir.IRBuilder.fadd),
    (operator.sub, VECTOR, VECTOR, ir.IRBuilder.fsub),
    (operator.mul, VECTOR, VECTOR, ir.IRBuilder.fmul),
    (operator.truediv, VECTOR, VECTOR, ir.IRBuilder.fdiv),
    (operator.lt, VECTOR, MASK, _compare("<")),
    (operator.gt, VECTOR, MASK, _compare(">")),
    (operator.eq, VECTOR, MASK, _compare("==")),
    (operator.or_, MASK, MASK, ir.IRBuilder.or_),
    (operator.and_, MASK, MASK, ir.IRBuilder.and_),
):
    _operator(_symbol, _kind, _result, _build)
