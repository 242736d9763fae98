"""How the formula of an activation becomes a kernel: in the place of u, beside it, or in the place of dy.

The constant of a formula, such as a slope, is its last argument.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from numba import float32

from koubai.engines.native.kernels.base import Kernel, floats, inline, kernel, made_of, share
from koubai.engines.native.kernels.block import Address
from koubai.engines.native.kernels.sums import OF_MAGNITUDES, block, clear, mask_tile

PIECE = 2048  # numbers that stay in the nearest cache


class InPlace(NamedTuple):
    """Forward: y, which still holds u."""

    y: Address
    size: int
    constant: float = 0.0  # of the formula


class Beside(NamedTuple):
    """Forward where u stays."""

    u: Address
    y: Address
    size: int
    constant: float = 0.0


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


def in_place(formula: Callable[[Any, Any], Any]) -> Kernel[InPlace]:
    """Decorator: a kernel that puts y = formula(u, constant) in the place of every u."""
    of = inline(formula)

    def forward(b: InPlace, thread: int, team: int) -> None:
        start, n = share(b.size, 64, thread, team)
        y, constant = floats(b.y + 4 * start, n), float32(b.constant)
        for i in range(n):
            y[i] = of(y[i], constant)

    return made_of(formula, forward)


def beside(formula: Callable[[Any, Any], Any]) -> Kernel[Beside]:
    """Decorator: a kernel that writes y = formula(u, constant) beside every u."""
    of = inline(formula)

    def forward(b: Beside, thread: int, team: int) -> None:
        start, n = share(b.size, 64, thread, team)
        u, y, constant = floats(b.u + 4 * start, n), floats(b.y + 4 * start, n), float32(b.constant)
        for i in range(n):
            y[i] = of(u[i], constant)

    return made_of(formula, forward)


def backward(formula: Callable[[Any, Any, Any], Any]) -> Kernel[Backward]:
    """Decorator: a kernel that puts du = formula(y or u, dy, constant) in the place of every dy."""
    of = inline(formula)

    def adjoint(b: Backward, thread: int, team: int) -> None:
        start, n = share(b.size, 64, thread, team)
        seen, g, constant = floats(b.seen + 4 * start, n), floats(b.dy + 4 * start, n), float32(b.constant)
        for i in range(n):
            g[i] = of(seen[i], g[i], constant)

    return made_of(formula, adjoint)


@kernel
def relu_backward_tapped(b: TappedMask, thread: int, team: int) -> None:
    """The backward pass of a ReLU, and the magnitudes of dy and of du."""
    out, room = block(b.control, thread, b.at), b.room + 4 * PIECE * thread
    clear(out, 2 * OF_MAGNITUDES)
    start, count = share(b.size, 64, thread, team)
    for begin in range(start, start + count, PIECE):
        mask_tile(b.dy + 4 * begin, b.y + 4 * begin, room, min(PIECE, start + count - begin), out)
