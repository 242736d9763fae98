"""Activations: `f` turns u into y in place, `f_backward` turns dy into du in place, given y.

The formulas are those of koubai.layers. GELU, SiLU and Mish need u for their derivative: they write y beside
it, and their backward kernels take u.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import float32

from koubai.engines.native.kernels import functions as f
from koubai.engines.native.kernels.base import floats, inline, kernel, share
from koubai.engines.native.kernels.block import Address
from koubai.engines.native.kernels.functions import ONE, ZERO
from koubai.engines.native.kernels.sums import OF_MAGNITUDES, block, clear, mask_tile

PIECE = 2048  # numbers that stay in the nearest cache
_SCALE = np.float32(1.0507009873554805)
_SCALE_ALPHA = np.float32(1.0507009873554805 * 1.6732632423543772)


class InPlace(NamedTuple):
    """Forward: y, which still holds u."""

    y: Address
    size: int
    constant: float = 0.0  # of the formula


class Backward(NamedTuple):
    """What is seen of the forward pass, y or u; and dy, which becomes du."""

    seen: Address
    dy: Address
    size: int
    constant: float = 0.0


class TappedMask(NamedTuple):
    """A ReLU backward: `room` holds PIECE numbers for each worker."""

    y: Address
    dy: Address
    size: int
    room: Address
    control: Address
    at: int


@inline
def _forward(b: InPlace, thread: int, team: int) -> Any:
    start, n = share(b.size, 64, thread, team)
    return floats(b.y + 4 * start, n), n


@inline
def share_of(b: Backward, thread: int, team: int) -> Any:
    """Return what was seen of the function, its gradient, and how many numbers are this thread's."""
    start, n = share(b.size, 64, thread, team)
    return floats(b.seen + 4 * start, n), floats(b.dy + 4 * start, n), n


@kernel
def relu(b: InPlace, thread: int, team: int) -> None:
    """y = max(0, u); NaN stays NaN."""
    y, n = _forward(b, thread, team)
    for i in range(n):
        y[i] = ZERO if y[i] < ZERO else y[i]


@kernel
def relu_backward(b: Backward, thread: int, team: int) -> None:
    """du = dy where y > 0."""
    y, g, n = share_of(b, thread, team)
    for i in range(n):
        g[i] = g[i] if y[i] > ZERO else ZERO


@kernel
def relu_backward_tapped(b: TappedMask, thread: int, team: int) -> None:
    """The same, and the magnitudes of dy and of du."""
    out, room = block(b.control, thread, b.at), b.room + 4 * PIECE * thread
    clear(out, 2 * OF_MAGNITUDES)
    start, count = share(b.size, 64, thread, team)
    for begin in range(start, start + count, PIECE):
        mask_tile(b.dy + 4 * begin, b.y + 4 * begin, room, min(PIECE, start + count - begin), out)


@kernel
def leaky_relu(b: InPlace, thread: int, team: int) -> None:
    """y = u for u > 0, else slope u."""
    y, n = _forward(b, thread, team)
    slope = float32(b.constant)
    for i in range(n):
        y[i] = y[i] if y[i] > ZERO else slope * y[i]


@kernel
def leaky_relu_backward(b: Backward, thread: int, team: int) -> None:
    """du = dy or slope dy."""
    y, g, n = share_of(b, thread, team)
    slope = float32(b.constant)
    for i in range(n):
        g[i] = g[i] if y[i] > ZERO else slope * g[i]


@kernel
def elu(b: InPlace, thread: int, team: int) -> None:
    """y = u for u > 0, else alpha (e^u - 1)."""
    y, n = _forward(b, thread, team)
    alpha = float32(b.constant)
    for i in range(n):
        below = alpha * f.expm1(ZERO if y[i] > ZERO else y[i])
        y[i] = y[i] if y[i] > ZERO else below


@kernel
def elu_backward(b: Backward, thread: int, team: int) -> None:
    """du = dy or dy (y + alpha)."""
    y, g, n = share_of(b, thread, team)
    alpha = float32(b.constant)
    for i in range(n):
        g[i] = g[i] if y[i] > ZERO else g[i] * (y[i] + alpha)


@kernel
def selu(b: InPlace, thread: int, team: int) -> None:
    """y = lambda u for u > 0, else lambda alpha (e^u - 1)."""
    y, n = _forward(b, thread, team)
    for i in range(n):
        below = _SCALE_ALPHA * f.expm1(ZERO if y[i] > ZERO else y[i])
        y[i] = _SCALE * y[i] if y[i] > ZERO else below


@kernel
def selu_backward(b: Backward, thread: int, team: int) -> None:
    """du = lambda dy or dy (y + lambda alpha)."""
    y, g, n = share_of(b, thread, team)
    for i in range(n):
        g[i] = g[i] * (_SCALE if y[i] > ZERO else y[i] + _SCALE_ALPHA)


@kernel
def step(b: InPlace, thread: int, team: int) -> None:
    """y = 1 for u >= 0, else 0; NaN stays NaN."""
    y, n = _forward(b, thread, team)
    for i in range(n):
        below = ZERO if y[i] < ZERO else y[i]
        y[i] = ONE if y[i] >= ZERO else below


@kernel
def step_backward(b: Backward, thread: int, team: int) -> None:
    """du = 0."""
    _, g, n = share_of(b, thread, team)
    for i in range(n):
        g[i] = ZERO


@kernel
def sigmoid(b: InPlace, thread: int, team: int) -> None:
    """y = 1 / (1 + e^-u)."""
    y, n = _forward(b, thread, team)
    for i in range(n):
        y[i] = f.sigmoid(y[i])


@kernel
def sigmoid_backward(b: Backward, thread: int, team: int) -> None:
    """du = dy y (1 - y)."""
    y, g, n = share_of(b, thread, team)
    for i in range(n):
        g[i] = g[i] * (y[i] * (ONE - y[i]))


@kernel
def tanh(b: InPlace, thread: int, team: int) -> None:
    """y = tanh u."""
    y, n = _forward(b, thread, team)
    for i in range(n):
        y[i] = f.tanh(y[i])


@kernel
def tanh_backward(b: Backward, thread: int, team: int) -> None:
    """du = dy (1 - y^2)."""
    y, g, n = share_of(b, thread, team)
    for i in range(n):
        g[i] = g[i] * (ONE - y[i] * y[i])


@kernel
def exponential(b: InPlace, thread: int, team: int) -> None:
    """y = e^u."""
    y, n = _forward(b, thread, team)
    for i in range(n):
        y[i] = f.exp(y[i])


@kernel
def exponential_backward(b: Backward, thread: int, team: int) -> None:
    """du = dy y."""
    y, g, n = share_of(b, thread, team)
    for i in range(n):
        g[i] = g[i] * y[i]


@kernel
def softplus(b: InPlace, thread: int, team: int) -> None:
    """y = log(1 + e^u)."""
    y, n = _forward(b, thread, team)
    for i in range(n):
        y[i] = f.softplus(y[i])


@kernel
def softplus_backward(b: Backward, thread: int, team: int) -> None:
    """du = dy sigmoid(u), where sigmoid(u) = 1 - e^-y."""
    y, g, n = share_of(b, thread, team)
    for i in range(n):
        g[i] = -g[i] * f.expm1(-y[i])
