"""What every kernel is made of: compiled when first used, called with a block, a thread and a team.

A kernel is a function `f(b, thread, team)` in Numba's subset of Python. Its block `b` is a NamedTuple that
the op fills and the kernel reads (block.py). Each thread of a team is called once and does its share; a team
of 1 does everything. Kernels write only where their share is, hold no Python object and no GIL, and use no
`fastmath` that may reassociate or contract, except where a sum says so: the same inputs give the same bits
wherever an element lies in a vector.

Loops run from 0 over a view that starts at the share (`floats(address + 4 * start, count)`): a loop from
`start` to `stop` would carry Python's negative indices and not become vector code.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar, get_type_hints

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import carray, njit, types
from numba.core import cgutils

from koubai.engines.native.code_cache import machine_code
from koubai.engines.native.kernels.block import Address, BlockType
from koubai.engines.native.kernels.instruction import instruction

# Loops over several arrays carry run-time checks that they do not overlap; LLVM's default limit of such
# checks is low enough to leave the optimizers' loops scalar.
llvm.set_option("koubai", "-runtime-memory-check-threshold=100")


def has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 numbers."""
    features = llvm.get_host_cpu_features()
    return bool(features.get("avx512bf16") or features.get("amx-bf16"))


class Control(NamedTuple):
    """What kernels need to know of the step; the loop writes it before every one."""

    step: int  # number of the update, from 1
    indices: Address  # of the batch's samples
    ahead: Address  # the same of the next batch; of this one where there is none
    rates: Address  # update.Rates
    sums: Address  # where the shard's first worker leaves what taps take
    sums_stride: int  # bytes from there to the next worker's place


B = TypeVar("B", bound=tuple[Any, ...])
Written = Callable[[B, int, int], None]


class Kernel(Generic[B]):
    """A kernel by name; machine code is made, or loaded from the cache, when its address is asked for."""

    def __init__(self, function: Written[B], *, reassociate: bool = False, calls: str = "") -> None:
        self.function, self._fast = function, {"reassoc", "nsz", "contract"} if reassociate else False
        self.calls = calls
        self.name, self.__doc__ = function.__name__, function.__doc__

    @cached_property
    def address(self) -> int:
        """Address of the machine code."""
        kind = next(iter(get_type_hints(self.function).values()))
        signature = types.void(BlockType(kind), types.int64, types.int64)
        return machine_code(self.function, signature, fastmath=self._fast, error_model="numpy")


def kernel(function: Written[B]) -> Kernel[B]:
    """Decorator: a kernel whose every operation rounds as IEEE 754 says, in the order written."""
    return Kernel(function)


def summing(function: Written[B]) -> Kernel[B]:
    """Decorator: a kernel with sums, whose terms may be added in another (fixed) order."""
    return Kernel(function, reassociate=True)


def made_of(formula: Callable[..., Any], function: Written[B]) -> Kernel[B]:
    """Return the kernel that applies a formula, under the formula's name and with its words."""
    function.__module__, function.__doc__ = formula.__module__, formula.__doc__
    function.__name__ = function.__qualname__ = formula.__name__
    return Kernel(function)


def calling(library: str) -> Callable[[Written[B]], Kernel[B]]:
    """Decorator: a kernel that has a library compute; run by one thread of a team."""
    return lambda function: Kernel(function, calls=library)


def inline(function: Callable[..., Any]) -> Any:
    """Decorator: a helper that becomes part of the kernel that calls it."""
    return njit(inline="always", error_model="numpy")(function)


@instruction(types.voidptr, types.int64)
def _pointer(builder: Any, address: Any) -> Any:
    return builder.inttoptr(address, cgutils.voidptr_t)


@instruction(types.float32, types.int32)
def as_float(builder: Any, bits: Any) -> Any:
    """The float32 with these 32 bits."""
    return builder.bitcast(bits, ir.FloatType())


@instruction(types.int32, types.float32)
def as_bits(builder: Any, x: Any) -> Any:
    """The 32 bits of a float32."""
    return builder.bitcast(x, ir.IntType(32))


@inline
def floats(address: int, count: int) -> Any:
    """`count` float32 numbers at an address."""
    return carray(_pointer(address), (count,), np.float32)


@inline
def doubles(address: int, count: int) -> Any:
    """`count` float64 numbers at an address."""
    return carray(_pointer(address), (count,), np.float64)


@inline
def integers(address: int, count: int) -> Any:
    """`count` int64 numbers at an address."""
    return carray(_pointer(address), (count,), np.int64)


@inline
def small(address: int, count: int) -> Any:
    """`count` uint8 numbers at an address."""
    return carray(_pointer(address), (count,), np.uint8)


@inline
def halves(address: int, count: int) -> Any:
    """`count` uint16 numbers at an address: the bits of bfloat16."""
    return carray(_pointer(address), (count,), np.uint16)


@inline
def share(count: int, grain: int, thread: int, team: int) -> Any:
    """(start, length) of a thread's part of `count` things, cut at multiples of `grain`."""
    pieces = (count + grain - 1) // grain
    start = min(pieces * thread // team * grain, count)
    stop = min(pieces * (thread + 1) // team * grain, count)
    return start, stop - start
