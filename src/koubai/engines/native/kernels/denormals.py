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

from koubai.engines.native.kernels.instruction import call_llvm, instruction

_X86 = platform.machine() in ("x86_64", "AMD64")
_FLUSH = 0x8040  # flush to zero, denormals are zero: bits 15 and 6 of MXCSR (Intel SDM vol. 1, sec. 10.2.3)
_I32 = ir.IntType(32)


def _control(builder: Any, name: str, place: Any) -> None:
    call_llvm(builder, f"x86.sse.{name}", ir.VoidType(), builder.bitcast(place, ir.IntType(8).as_pointer()))


@instruction(types.int32)
def flush_denormals(builder: Any) -> Any:
    """Let the calling thread compute 0 for denormals; return the mode it was in, for `restore`."""
    if not _X86:
        return ir.Constant(_I32, 0)
    place = cgutils.alloca_once(builder, _I32)
    _control(builder, "stmxcsr", place)
    before = builder.load(place)
    builder.store(builder.or_(before, ir.Constant(_I32, _FLUSH)), place)
    _control(builder, "ldmxcsr", place)
    return before


@instruction(types.none, types.int32)
def restore(builder: Any, mode: Any) -> None:
    """Put the calling thread back into a mode."""
    if _X86:
        place = cgutils.alloca_once(builder, _I32)
        builder.store(mode, place)
        _control(builder, "ldmxcsr", place)
