"""A barrier for shards in threads of any kind: a counter in memory that only grows."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from koubai.engines.native.kernels.base import inline

_I32, _I64 = ir.IntType(32), ir.IntType(64)
ARRIVED, CALLED_OFF, MEETING_WORDS = 0, 8, 16  # in cache lines of their own
_LOOKS = 1000  # about a microsecond of waiting before the system may run another thread


@intrinsic
def _arrive(typing: Any, counter: Any) -> Any:
    """Count one more at an address; return how many came before. What was written before is seen by all."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], _I64.as_pointer())
        return builder.atomic_rmw("add", pointer, ir.Constant(_I64, 1), "acq_rel")

    return types.int64(types.int64), generate


@intrinsic
def _look(typing: Any, address: Any) -> Any:
    """The number at an address, as other threads left it."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], _I64.as_pointer())
        return builder.load_atomic(pointer, "acquire", 8)

    return types.int64(types.int64), generate


@intrinsic
def _rest(typing: Any, address: Any) -> Any:
    """Call a function of the system that lets another thread go first."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(_I32, ())
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), ())
        return context.get_dummy_value()

    return types.none(types.int64), generate


@inline
def meet(meeting: int, shards: int, rest: int) -> Any:
    """Wait until all shards are here; return whether they come, or the meeting was called off."""
    goal = (_arrive(meeting + 8 * ARRIVED) // shards + 1) * shards
    while True:
        for _ in range(_LOOKS):
            if _look(meeting + 8 * ARRIVED) >= goal:
                return True
        if _look(meeting + 8 * CALLED_OFF):
            return _look(meeting + 8 * ARRIVED) >= goal
        _rest(rest)
