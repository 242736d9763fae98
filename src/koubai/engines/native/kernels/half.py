"""bfloat16: the upper half of a float32 number, so its range with 8 bits of precision. Two bytes each.

Rounding is to the nearest, ties to even; NaN stays NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import int32, uint16, uint32

from koubai.engines.native.kernels.base import as_bits, as_float, floats, halves, inline, kernel, share
from koubai.engines.native.kernels.functions import ZERO
from koubai.engines.native.kernels.moving import Copy
from koubai.engines.native.kernels.pointwise import Backward, InPlace


@inline
def widen(h: Any) -> Any:
    """The float32 number that a bfloat16 stands for."""
    return as_float(int32(int32(h) << int32(16)))


@inline
def narrow(x: Any) -> Any:
    """The nearest bfloat16."""
    bits = uint32(as_bits(x))
    rounded = uint32(bits + uint32(0x7FFF) + ((bits >> uint32(16)) & uint32(1)))
    return uint16((uint32(0x7FC00000) if np.isnan(x) else rounded) >> uint32(16))


@kernel
def to_half(b: Copy, thread: int, team: int) -> None:
    """y = x in bfloat16."""
    start, n = share(b.size, 64, thread, team)
    x, y = floats(b.x + 4 * start, n), halves(b.y + 2 * start, n)
    for i in range(n):
        y[i] = narrow(x[i])


@kernel
def to_float(b: Copy, thread: int, team: int) -> None:
    """y = x in float32."""
    start, n = share(b.size, 64, thread, team)
    x, y = halves(b.x + 2 * start, n), floats(b.y + 4 * start, n)
    for i in range(n):
        y[i] = widen(x[i])


@kernel
def relu_half(b: InPlace, thread: int, team: int) -> None:
    """y = max(0, u)."""
    start, n = share(b.size, 64, thread, team)
    y = halves(b.y + 2 * start, n)
    for i in range(n):
        y[i] = uint16(0) if widen(y[i]) < ZERO else y[i]


@kernel
def relu_backward_half(b: Backward, thread: int, team: int) -> None:
    """du = dy where y > 0."""
    start, n = share(b.size, 64, thread, team)
    y, g = halves(b.seen + 2 * start, n), halves(b.dy + 2 * start, n)
    for i in range(n):
        g[i] = g[i] if widen(y[i]) > ZERO else uint16(0)
