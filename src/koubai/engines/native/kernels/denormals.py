"""Denormals: numbers below 1.2e-38, which processors compute a hundred times slower; here they become 0.

They are not rare. Where a gradient stays exactly 0 (a dead unit, a pixel that is always black), Adam's first
moment shrinks by beta1 at every update and gets there in some 750 of them; the update then takes most of a
training step. What is lost lies 30 orders of magnitude below any rounding that matters.
"""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_X86 = platform.machine() in ("x86_64", "AMD64")
_FLUSH = 0x8040  # flush to zero, denormals are zero: bits 15 and 6 of MXCSR (Intel SDM vol. 1, sec. 10.2.3)
_I8, _I32 = ir.IntType(8), ir.IntType(32)


def _control(builder: Any, name: str, place: Any) -> None:
    kind = ir.FunctionType(ir.VoidType(), (_I8.as_pointer(),))
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.sse.{name}")
    builder.call(function, (builder.bitcast(place, _I8.as_pointer()),))


@intrinsic
def flush_denormals(typing: Any) -> Any:
    """Let the calling thread compute 0 for denormals; return the mode it was in, for `restore`."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if not _X86:
            return ir.Constant(_I32, 0)
        place = cgutils.alloca_once(builder, _I32)
        _control(builder, "stmxcsr", place)
        before = builder.load(place)
        builder.store(builder.or_(before, ir.Constant(_I32, _FLUSH)), place)
        _control(builder, "ldmxcsr", place)
        return before

    return types.int32(), generate


@intrinsic
def restore(typing: Any, mode: Any) -> Any:
    """Put the calling thread back into a mode."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if _X86:
            place = cgutils.alloca_once(builder, _I32)
            builder.store(args[0], place)
            _control(builder, "ldmxcsr", place)
        return context.get_dummy_value()

    return types.none(types.int32), generate
