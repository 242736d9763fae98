"""GELU, SiLU and Mish: their derivative needs u, so y is written beside it, and backward takes u."""

from __future__ import annotations

from typing import Any, NamedTuple

from koubai.engines.native.kernels import functions as f
from koubai.engines.native.kernels.base import floats, inline, kernel, share
from koubai.engines.native.kernels.block import Address
from koubai.engines.native.kernels.functions import ONE
from koubai.engines.native.kernels.pointwise import Backward, share_of


class Beside(NamedTuple):
    """Forward where u stays."""

    u: Address
    y: Address
    size: int


@inline
def _beside(b: Beside, thread: int, team: int) -> Any:
    start, n = share(b.size, 64, thread, team)
    return floats(b.u + 4 * start, n), floats(b.y + 4 * start, n), n


@kernel
def gelu(b: Beside, thread: int, team: int) -> None:
    """y = u Phi(u)."""
    u, y, n = _beside(b, thread, team)
    for i in range(n):
        y[i] = u[i] * f.normal_distribution(u[i])


@kernel
def gelu_backward(b: Backward, thread: int, team: int) -> None:
    """du = dy (Phi(u) + u phi(u))."""
    u, g, n = share_of(b, thread, team)
    for i in range(n):
        g[i] = g[i] * (f.normal_distribution(u[i]) + u[i] * f.normal_density(u[i]))


@kernel
def silu(b: Beside, thread: int, team: int) -> None:
    """y = u s(u)."""
    u, y, n = _beside(b, thread, team)
    for i in range(n):
        y[i] = u[i] * f.sigmoid(u[i])


@kernel
def silu_backward(b: Backward, thread: int, team: int) -> None:
    """du = dy (s + u s (1 - s))."""
    u, g, n = share_of(b, thread, team)
    for i in range(n):
        s = f.sigmoid(u[i])
        g[i] = g[i] * (s + u[i] * s * (ONE - s))


@kernel
def mish(b: Beside, thread: int, team: int) -> None:
    """y = u tanh(softplus(u))."""
    u, y, n = _beside(b, thread, team)
    for i in range(n):
        y[i] = u[i] * f.tanh(f.softplus(u[i]))


@kernel
def mish_backward(b: Backward, thread: int, team: int) -> None:
    """du = dy (t + u (1 - t^2) s(u)), t = tanh(softplus(u))."""
    u, g, n = share_of(b, thread, team)
    for i in range(n):
        t = f.tanh(f.softplus(u[i]))
        g[i] = g[i] * (t + u[i] * (ONE - t * t) * f.sigmoid(u[i]))
