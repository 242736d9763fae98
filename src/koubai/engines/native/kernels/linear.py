"""Dense layers, by koubai's own products."""

from __future__ import annotations

from typing import NamedTuple

from koubai.engines.native.kernels.base import inline, kernel, share
from koubai.engines.native.kernels.block import Address
from koubai.engines.native.kernels.functions import ZERO
from koubai.engines.native.kernels.product import WIDTH, multiply, multiply_transposed
from koubai.engines.native.kernels.simd import LANES, splat
from koubai.engines.native.kernels.simd_memory import load_up_to, store_up_to
from koubai.engines.native.kernels.transpose import turn

_GRAIN = 8  # rows, the height of most tiles


class Linear(NamedTuple):
    """x (rows, F) to y (rows, G); for dW, gradients are in the places of W, b and y."""

    x: Address
    weight: Address
    bias: Address  # or 0
    y: Address
    rows: int
    F: int
    G: int


class LinearInputs(NamedTuple):
    """dy (rows, G) to dx (rows, F)."""

    dy: Address
    weight: Address
    turned: Address  # scratch: G x WIDTH numbers a thread
    dx: Address
    rows: int
    F: int
    G: int


@inline
def sum_rows(y: int, total: int, rows: int, columns: int, start: int, stop: int) -> None:
    """Leave the sums of columns start ... of y (rows, columns)."""
    for j in range(start, stop, LANES):
        width, value = stop - j, splat(ZERO)
        for r in range(rows):
            value = value + load_up_to(y + 4 * (r * columns + j), width)
        store_up_to(total + 4 * j, value, width)


@kernel
def linear(b: Linear, thread: int, team: int) -> None:
    """y = x W + b."""
    x_row, y_row = 4 * b.F, 4 * b.G
    start, count = share(b.rows, _GRAIN, thread, team)
    x, y = b.x + start * x_row, b.y + start * y_row
    multiply(x, x_row, 4, b.weight, y_row, b.bias, 0, y, y_row, count, b.G, b.F)


@kernel
def linear_weights(b: Linear, thread: int, team: int) -> None:
    """dW = x^T dy, db = sum dy."""
    x_row, y_row = 4 * b.F, 4 * b.G
    start, count = share(b.F, _GRAIN, thread, team)
    multiply_transposed(
        b.x + 4 * start, x_row, b.y, y_row, b.weight + start * y_row, y_row, count, b.G, b.rows
    )
    start, count = share(b.G if b.bias else 0, LANES, thread, team)
    sum_rows(b.y, b.bias, b.rows, b.G, start, start + count)


@kernel
def linear_inputs(b: LinearInputs, thread: int, team: int) -> None:
    """dx = dy W^T; the columns of W^T that a panel of dx takes are turned over where the cache holds them."""
    w_row, dx_row, turned_row = 4 * b.G, 4 * b.F, 4 * WIDTH
    turned = b.turned + thread * b.G * turned_row
    start, count = share(b.F, WIDTH, thread, team)
    for i in range(start, start + count, WIDTH):
        width = min(WIDTH, start + count - i)
        turn(b.weight + i * w_row, w_row, turned, turned_row, width, b.G)
        multiply(b.dy, w_row, 4, turned, turned_row, 0, 0, b.dx + 4 * i, dx_row, b.rows, width, b.G)
