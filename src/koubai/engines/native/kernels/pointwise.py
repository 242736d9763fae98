"""Activations: `f` turns u into y in place, `f_backward` turns dy into du in place, given y.

Arguments of a forward kernel: (y, count, constant); of a backward kernel: (y, dy, count, constant). The
formulas are those of koubai.layers. GELU, SiLU and Mish need u for their derivative: they write y beside it,
(u, y, count), and their backward kernels take (u, dy, count).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float32

from koubai.engines.native.kernels import functions as f
from koubai.engines.native.kernels.base import Kernel, floats, inline, kernel, number, share, words
from koubai.engines.native.kernels.functions import ONE, ZERO
from koubai.engines.native.kernels.sums import OF_MAGNITUDES, block, clear, mask_tile

PIECE = 2048  # numbers that stay in the nearest cache
_SCALE = np.float32(1.0507009873554805)
_SCALE_ALPHA = np.float32(1.0507009873554805 * 1.6732632423543772)


@inline
def _one(args: int, thread: int, team: int) -> Any:
    a = words(args, 2)
    start, n = share(a[1], 64, thread, team)
    return floats(a[0] + 4 * start, n), n


@inline
def _two(args: int, thread: int, team: int) -> Any:
    a = words(args, 3)
    start, n = share(a[2], 64, thread, team)
    return floats(a[0] + 4 * start, n), floats(a[1] + 4 * start, n), n


@kernel
def relu(args: int, thread: int, team: int) -> None:
    """y = max(0, u); NaN stays NaN."""
    y, n = _one(args, thread, team)
    for i in range(n):
        y[i] = ZERO if y[i] < ZERO else y[i]


@kernel
def relu_backward(args: int, thread: int, team: int) -> None:
    """du = dy where y > 0."""
    y, g, n = _two(args, thread, team)
    for i in range(n):
        g[i] = g[i] if y[i] > ZERO else ZERO


@kernel
def relu_backward_tapped(args: int, thread: int, team: int) -> None:
    """The same, and the magnitudes of dy and of du: (y, dy, count, room, control, at).

    `room` holds PIECE numbers for each worker.
    """
    a = words(args, 6)
    out, room = block(a[4], thread, a[5]), a[3] + 4 * PIECE * thread
    clear(out, 2 * OF_MAGNITUDES)
    start, count = share(a[2], 64, thread, team)
    for begin in range(start, start + count, PIECE):
        mask_tile(a[1] + 4 * begin, a[0] + 4 * begin, room, min(PIECE, start + count - begin), out)


@kernel
def leaky_relu(args: int, thread: int, team: int) -> None:
    """y = u for u > 0, else slope u."""
    y, n = _one(args, thread, team)
    slope = float32(number(args, 2))
    for i in range(n):
        y[i] = y[i] if y[i] > ZERO else slope * y[i]


@kernel
def leaky_relu_backward(args: int, thread: int, team: int) -> None:
    """du = dy or slope dy."""
    y, g, n = _two(args, thread, team)
    slope = float32(number(args, 3))
    for i in range(n):
        g[i] = g[i] if y[i] > ZERO else slope * g[i]


@kernel
def elu(args: int, thread: int, team: int) -> None:
    """y = u for u > 0, else alpha (e^u - 1)."""
    y, n = _one(args, thread, team)
    alpha = float32(number(args, 2))
    for i in range(n):
        below = alpha * f.expm1(ZERO if y[i] > ZERO else y[i])
        y[i] = y[i] if y[i] > ZERO else below


@kernel
def elu_backward(args: int, thread: int, team: int) -> None:
    """du = dy or dy (y + alpha)."""
    y, g, n = _two(args, thread, team)
    alpha = float32(number(args, 3))
    for i in range(n):
        g[i] = g[i] if y[i] > ZERO else g[i] * (y[i] + alpha)


@kernel
def selu(args: int, thread: int, team: int) -> None:
    """y = lambda u for u > 0, else lambda alpha (e^u - 1)."""
    y, n = _one(args, thread, team)
    for i in range(n):
        below = _SCALE_ALPHA * f.expm1(ZERO if y[i] > ZERO else y[i])
        y[i] = _SCALE * y[i] if y[i] > ZERO else below


@kernel
def selu_backward(args: int, thread: int, team: int) -> None:
    """du = lambda dy or dy (y + lambda alpha)."""
    y, g, n = _two(args, thread, team)
    for i in range(n):
        g[i] = g[i] * (_SCALE if y[i] > ZERO else y[i] + _SCALE_ALPHA)


@kernel
def step(args: int, thread: int, team: int) -> None:
    """y = 1 for u >= 0, else 0; NaN stays NaN."""
    y, n = _one(args, thread, team)
    for i in range(n):
        below = ZERO if y[i] < ZERO else y[i]
        y[i] = ONE if y[i] >= ZERO else below


@kernel
def step_backward(args: int, thread: int, team: int) -> None:
    """du = 0."""
    _, g, n = _two(args, thread, team)
    for i in range(n):
        g[i] = ZERO


@kernel
def sigmoid(args: int, thread: int, team: int) -> None:
    """y = 1 / (1 + e^-u)."""
    y, n = _one(args, thread, team)
    for i in range(n):
        y[i] = f.sigmoid(y[i])


@kernel
def sigmoid_backward(args: int, thread: int, team: int) -> None:
    """du = dy y (1 - y)."""
    y, g, n = _two(args, thread, team)
    for i in range(n):
        g[i] = g[i] * (y[i] * (ONE - y[i]))


@kernel
def tanh(args: int, thread: int, team: int) -> None:
    """y = tanh u."""
    y, n = _one(args, thread, team)
    for i in range(n):
        y[i] = f.tanh(y[i])


@kernel
def tanh_backward(args: int, thread: int, team: int) -> None:
    """du = dy (1 - y^2)."""
    y, g, n = _two(args, thread, team)
    for i in range(n):
        g[i] = g[i] * (ONE - y[i] * y[i])


@kernel
def exponential(args: int, thread: int, team: int) -> None:
    """y = e^u."""
    y, n = _one(args, thread, team)
    for i in range(n):
        y[i] = f.exp(y[i])


@kernel
def exponential_backward(args: int, thread: int, team: int) -> None:
    """du = dy y."""
    y, g, n = _two(args, thread, team)
    for i in range(n):
        g[i] = g[i] * y[i]


@kernel
def softplus(args: int, thread: int, team: int) -> None:
    """y = log(1 + e^u)."""
    y, n = _one(args, thread, team)
    for i in range(n):
        y[i] = f.softplus(y[i])


@kernel
def softplus_backward(args: int, thread: int, team: int) -> None:
    """du = dy sigmoid(u), where sigmoid(u) = 1 - e^-y."""
    y, g, n = _two(args, thread, team)
    for i in range(n):
        g[i] = -g[i] * f.expm1(-y[i])


@kernel
def gelu(args: int, thread: int, team: int) -> None:
    """y = u Phi(u)."""
    u, y, n = _two(args, thread, team)
    for i in range(n):
        y[i] = u[i] * f.normal_distribution(u[i])


@kernel
def gelu_backward(args: int, thread: int, team: int) -> None:
    """du = dy (Phi(u) + u phi(u))."""
    u, g, n = _two(args, thread, team)
    for i in range(n):
        g[i] = g[i] * (f.normal_distribution(u[i]) + u[i] * f.normal_density(u[i]))


@kernel
def silu(args: int, thread: int, team: int) -> None:
    """y = u s(u)."""
    u, y, n = _two(args, thread, team)
    for i in range(n):
        y[i] = u[i] * f.sigmoid(u[i])


@kernel
def silu_backward(args: int, thread: int, team: int) -> None:
    """du = dy (s + u s (1 - s))."""
    u, g, n = _two(args, thread, team)
    for i in range(n):
        s = f.sigmoid(u[i])
        g[i] = g[i] * (s + u[i] * s * (ONE - s))


@kernel
def mish(args: int, thread: int, team: int) -> None:
    """y = u tanh(softplus(u))."""
    u, y, n = _two(args, thread, team)
    for i in range(n):
        y[i] = u[i] * f.tanh(f.softplus(u[i]))


@kernel
def mish_backward(args: int, thread: int, team: int) -> None:
    """du = dy (t + u (1 - t^2) s(u)), t = tanh(softplus(u))."""
    u, g, n = _two(args, thread, team)
    for i in range(n):
        t = f.tanh(f.softplus(u[i]))
        g[i] = g[i] * (t + u[i] * (ONE - t * t) * f.sigmoid(u[i]))


# Registry name of an activation -> its kernels; the third says that backward needs u, not y.
FUNCTIONS: dict[str, tuple[Kernel, Kernel, bool]] = {
    "step": (step, step_backward, False),
    "sigmoid": (sigmoid, sigmoid_backward, False),
    "tanh": (tanh, tanh_backward, False),
    "exponential": (exponential, exponential_backward, False),
    "relu": (relu, relu_backward, False),
    "leaky_relu": (leaky_relu, leaky_relu_backward, False),
    "elu": (elu, elu_backward, False),
    "selu": (selu, selu_backward, False),
    "softplus": (softplus, softplus_backward, False),
    "gelu": (gelu, gelu_backward, True),
    "silu": (silu, silu_backward, True),
    "mish": (mish, mish_backward, True),
}
