"""Calls of machine code by its address, for the loop: kernels, and functions of libraries."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_I32, _I64 = ir.IntType(32), ir.IntType(64)


def _call(builder: Any, args: Any, result: Any, types_: tuple[Any, ...]) -> Any:
    pointer = builder.inttoptr(args[0], ir.FunctionType(result, types_).as_pointer())
    return builder.call(pointer, args[1:])


@intrinsic
def call_kernel(typing: Any, address: Any, arguments: Any, thread: Any, team: Any) -> Any:
    """A kernel, or what has its arguments."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _call(builder, args, ir.VoidType(), (_I64, _I64, _I64))
        return context.get_dummy_value()

    return types.none(*[types.int64] * 4), generate


@intrinsic
def call_execute(typing: Any, address: Any, primitive: Any, stream: Any, count: Any, arguments: Any) -> Any:
    """dnnl_primitive_execute."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        count = builder.trunc(args[3], _I32)
        return _call(builder, (*args[:3], count, args[4]), _I32, (_I64, _I64, _I32, _I64))

    return types.int32(*[types.int64] * 5), generate


@intrinsic
def call_parallel(typing: Any, address: Any, function: Any, data: Any, team: Any) -> Any:
    """GOMP_parallel."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        team, flags = builder.trunc(args[3], _I32), ir.Constant(_I32, 0)
        _call(builder, (*args[:3], team, flags), ir.VoidType(), (_I64, _I64, _I32, _I32))
        return context.get_dummy_value()

    return types.none(*[types.int64] * 4), generate


@intrinsic
def call_count(typing: Any, address: Any) -> Any:
    """omp_get_thread_num, omp_get_num_threads."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _call(builder, args, _I32, ())

    return types.int32(types.int64), generate


@intrinsic
def cycles(typing: Any) -> Any:
    """The processor's cycle counter."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        counter = builder.module.declare_intrinsic("llvm.readcyclecounter", (), ir.FunctionType(_I64, ()))
        return builder.call(counter, ())

    return types.int64(), generate
