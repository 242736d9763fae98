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
from numba.extending import models, overload, register_model

from koubai.engines.native.kernels.instruction import call_llvm, instruction

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


@instruction(VECTOR, types.float32)
def splat(builder: Any, number: Any) -> Any:
    """The same number in all lanes."""
    return spread(builder, number, FLOATS)


@instruction(VECTOR, MASK, VECTOR, VECTOR)
def select(builder: Any, mask: Any, yes: Any, no: Any) -> Any:
    """`yes` where the mask says so, else `no`."""
    return builder.select(mask, yes, no)


@instruction(MASK, VECTOR, VECTOR)
def beats(builder: Any, a: Any, b: Any) -> Any:
    """Where a > b, or a is NaN."""
    greater = builder.fcmp_ordered(">", a, b)
    return builder.or_(greater, builder.fcmp_unordered("uno", a, a))


@instruction(MASK, VECTOR, VECTOR)
def unordered(builder: Any, a: Any, b: Any) -> Any:
    """Where a or b is NaN."""
    return builder.fcmp_unordered("uno", a, b)


@instruction(MASK, VECTOR, VECTOR)
def differs(builder: Any, a: Any, b: Any) -> Any:
    """Where a is not b; true for NaN."""
    return builder.fcmp_unordered("!=", a, b)


def _of_each(name: str) -> Any:
    @instruction(VECTOR, VECTOR)
    def apply(builder: Any, a: Any) -> Any:
        return call_llvm(builder, f"{name}.v16f32", FLOATS, a)

    return apply


# Magnitudes; square roots, rounded correctly.
absolute, square_root = _of_each("fabs"), _of_each("sqrt")


def fused(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c, rounded once."""
    return call_llvm(builder, "fma.v16f32", FLOATS, a, b, c)


multiply_add = instruction(VECTOR, VECTOR, VECTOR, VECTOR)(fused)


@instruction(types.boolean, MASK)
def any_lane(builder: Any, mask: Any) -> Any:
    """Whether the mask is true anywhere."""
    bits = builder.bitcast(mask, ir.IntType(LANES))
    return builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(LANES), 0))


def sum_doubles(builder: Any, doubles: Any) -> Any:
    """The sum of 16 float64 numbers, added in pairs."""
    name, double = "vector.reduce.fadd.v16f64", ir.DoubleType()
    return call_llvm(builder, name, double, double(0.0), doubles, fastmath=("reassoc",))


@instruction(types.float64, VECTOR)
def total_of(builder: Any, value: Any) -> Any:
    """The sum of the lanes, in float64."""
    return sum_doubles(builder, builder.fpext(value, DOUBLES))


def _operator(
    symbol: Any, kind: types.Type, result: types.Type, build: Callable[[Any, Any, Any], Any]
) -> None:
    """Give values of a kind an operator."""

    @instruction(result, kind, kind)
    def apply(builder: Any, a: Any, b: Any) -> Any:
        return build(builder, a, b)

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
