"""Matrices turned over, in blocks of 16 x 16 numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba import types

from koubai.engines.native.kernels.base import inline, kernel, share
from koubai.engines.native.kernels.block import Address
from koubai.engines.native.kernels.instruction import instruction
from koubai.engines.native.kernels.simd import FLOATS, INTS, LANES
from koubai.engines.native.kernels.simd_memory import first_lanes, masked_load, masked_store

_I64 = ir.IntType(64)
_HALF = LANES // 2
_LOW = INTS([half * LANES + lane for lane in range(_HALF) for half in (0, 1)])
_HIGH = INTS([half * LANES + lane for lane in range(_HALF, LANES) for half in (0, 1)])


def _turned(builder: Any, lines: list[Any]) -> list[Any]:
    """The columns of 16 rows: the first half's numbers between the second half's, four times."""
    for _ in range(4):
        pairs = zip(lines[:_HALF], lines[_HALF:], strict=True)
        lines = [builder.shuffle_vector(a, b, order) for a, b in pairs for order in (_LOW, _HIGH)]
    return lines


@instruction(types.none, *[types.int64] * 4)
def _block(builder: Any, x: Any, x_row: Any, y: Any, y_row: Any) -> None:
    """A block of 16 x 16 numbers."""

    def place(base: Any, row: int, step: Any) -> Any:
        at = builder.add(base, builder.mul(_I64(row), step))
        return builder.inttoptr(at, FLOATS.as_pointer())

    lines = [builder.load(place(x, i, x_row), align=4) for i in range(LANES)]
    for j, column in enumerate(_turned(builder, lines)):
        builder.store(column, place(y, j, y_row), align=4)


@instruction(types.none, *[types.int64] * 6)
def _part(builder: Any, x: Any, x_row: Any, y: Any, y_row: Any, rows: Any, columns: Any) -> None:
    """A block of fewer rows or columns.

    What stands for a row or column that is not there goes where the last one goes, and before it.
    """

    def place(base: Any, number: int, step: Any, count: Any) -> Any:
        last = builder.sub(count, _I64(1))
        number = builder.select(builder.icmp_signed("<", _I64(number), last), _I64(number), last)
        return builder.add(base, builder.mul(number, step))

    across, down = first_lanes(builder, columns), first_lanes(builder, rows)
    lines = [
        masked_load(builder, place(x, i, x_row, rows), across, FLOATS, 4, "v16f32") for i in range(LANES)
    ]
    for j, column in reversed(list(enumerate(_turned(builder, lines)))):
        masked_store(builder, place(y, j, y_row, columns), down, column, 4, "v16f32")


class Matrix(NamedTuple):
    """x (rows, columns) to y (columns, rows)."""

    x: Address
    y: Address
    rows: int
    columns: int


@inline
def turn(x: int, x_row: int, y: int, y_row: int, rows: int, columns: int) -> None:
    """y (columns, rows) = x^T of x (rows, columns); steps from row to row are bytes."""
    for i in range(0, rows, LANES):
        for j in range(0, columns, LANES):
            at, to = x + i * x_row + 4 * j, y + j * y_row + 4 * i
            down, across = min(LANES, rows - i), min(LANES, columns - j)
            if down == LANES and across == LANES:
                _block(at, x_row, to, y_row)
            else:
                _part(at, x_row, to, y_row, down, across)


@kernel
def transpose(b: Matrix, thread: int, team: int) -> None:
    """y = x^T."""
    x_row, y_row = 4 * b.columns, 4 * b.rows
    start, count = share(b.rows, LANES, thread, team)
    turn(b.x + start * x_row, x_row, b.y + 4 * start, y_row, count, b.columns)
