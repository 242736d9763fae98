"""Vectors of 16 float32 numbers, for inner loops too short for a compiler to see a vector in.

`Vector` and `Mask` values live in registers. Every function below becomes an instruction or two of machine
code; where the processor has narrower vectors, a few more. simd_memory.py has what loads and stores them.
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
_I32, _FLOAT = ir.IntType(32), ir.FloatType()
FLOATS = ir.VectorType(_FLOAT, LANES)
DOUBLES = ir.VectorType(ir.DoubleType(), LANES)
INTS = ir.VectorType(_I32, LANES)
BITS = ir.VectorType(ir.IntType(1), LANES)


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
        super().__init__(manager, kind, FLOATS)


@register_model(_Mask)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, BITS)


def spread(builder: Any, scalar: Any, kind: Any) -> Any:
    """A vector of the same number."""
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), scalar, ir.Constant(_I32, 0))
    zeros = ir.Constant(INTS, [0] * LANES)
    return builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), zeros)


@intrinsic
def splat(typing: Any, number: Any) -> Any:
    """The same number in all lanes."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return spread(builder, args[0], FLOATS)

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
def unordered(typing: Any, a: Any, b: Any) -> Any:
    """Where a or b is NaN."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fcmp_unordered("uno", *args)

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
            kind = ir.FunctionType(FLOATS, (FLOATS,))
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
        kind = ir.FunctionType(FLOATS, (FLOATS,) * 3)
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


def sum_doubles(builder: Any, doubles: Any) -> Any:
    """The sum of 16 float64 numbers, added in pairs."""
    kind = ir.FunctionType(ir.DoubleType(), (ir.DoubleType(), DOUBLES))
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.vector.reduce.fadd.v16f64")
    return builder.call(function, (ir.Constant(ir.DoubleType(), 0.0), doubles), fastmath=("reassoc",))


@intrinsic
def total_of(typing: Any, value: Any) -> Any:
    """The sum of the lanes, in float64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return sum_doubles(builder, builder.fpext(args[0], DOUBLES))

    return types.float64(VECTOR), generate


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
