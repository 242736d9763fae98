"""Calls of machine code by its address, for the loop: kernels, and functions of libraries."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from koubai.engines.native.kernels.instruction import call_llvm, instruction

_I32, _I64 = ir.IntType(32), ir.IntType(64)


def _call(builder: Any, address: Any, result: Any, *values: Any) -> Any:
    kind = ir.FunctionType(result, [value.type for value in values])
    return builder.call(builder.inttoptr(address, kind.as_pointer()), values)


@instruction(types.none, *[types.int64] * 4)
def call_kernel(builder: Any, address: Any, arguments: Any, thread: Any, team: Any) -> None:
    """A kernel, or what has its arguments."""
    _call(builder, address, ir.VoidType(), arguments, thread, team)


@instruction(types.int32, *[types.int64] * 5)
def call_execute(builder: Any, address: Any, primitive: Any, stream: Any, count: Any, arguments: Any) -> Any:
    """dnnl_primitive_execute."""
    count = builder.trunc(count, _I32)
    return _call(builder, address, _I32, primitive, stream, count, arguments)


@instruction(types.none, *[types.int64] * 4)
def call_parallel(builder: Any, address: Any, function: Any, data: Any, team: Any) -> None:
    """GOMP_parallel."""
    team, flags = builder.trunc(team, _I32), ir.Constant(_I32, 0)
    _call(builder, address, ir.VoidType(), function, data, team, flags)


@instruction(types.int32, types.int64)
def call_count(builder: Any, address: Any) -> Any:
    """omp_get_thread_num, omp_get_num_threads."""
    return _call(builder, address, _I32)


@instruction(types.int64)
def cycles(builder: Any) -> Any:
    """The processor's cycle counter."""
    return call_llvm(builder, "readcyclecounter", _I64)
