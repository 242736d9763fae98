"""Products of one matrix with matrices of several networks side by side: C1 C2 ... = starts + A (B1 B2 ...).

The columns of all are counted through and cut into strips of sixteen, so that a vector may hold the last
columns of one network and the first of the next. Sums are those of tiles.py: a network's bits do not depend
on who lies beside it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types

from koubai.engines.native.kernels.base import inline
from koubai.engines.native.kernels.block import Address, record
from koubai.engines.native.kernels.instruction import instruction
from koubai.engines.native.kernels.simd import FLOATS, LANES
from koubai.engines.native.kernels.simd_memory import first_lanes, masked_load, masked_store
from koubai.engines.native.kernels.tiles import Operands, Tile

_I64 = ir.IntType(64)
ROWS, _MOST = 8, 3  # of a tile: rows, strips; each strip keeps two masks in registers, too


class Strip(NamedTuple):
    """Sixteen columns: the first `lanes` are a network's, the others the `next` one's.

    Addresses are those of lane 0 in the first rows, wherever that lies in the next one's.
    """

    lanes: int
    b: Address
    b_next: Address
    start: Address  # 0 where sums start at 0
    start_next: Address
    c: Address
    c_next: Address


STRIP_BYTES = record(Strip).itemsize


class _StripTile(Tile):
    """Emits the code of a tile: `at.b` is where its first strip is described, `at.c` its first row of C."""

    def __init__(self, builder: Any, at: Operands, strips: int, *, side_by_side: bool) -> None:
        super().__init__(builder, at, ROWS, strips, masked=False, side_by_side=side_by_side)
        self._bases: dict[str, list[tuple[Any, Any]]] = {"b": [], "start": [], "c": []}
        self._masks = []
        for j in range(strips):
            lanes, *places = (_field(builder, at.b, len(Strip._fields) * j + n) for n in range(7))
            for number, bases in enumerate(self._bases.values()):
                bases.append((places[2 * number], places[2 * number + 1]))
            first = first_lanes(builder, lanes)
            self._masks.append((first, builder.not_(first)))

    def _load(self, name: str, row: Any, step: Any) -> list[Any]:
        builder, moved, values = self._builder, self._builder.mul(row, step), []
        for (low, high), (first, rest) in zip(self._bases[name], self._masks, strict=True):
            value = masked_load(builder, builder.add(low, moved), first, FLOATS, 4, "v16f32")
            values.append(masked_load(builder, builder.add(high, moved), rest, FLOATS, 4, "v16f32", value))
        return values

    def _store(self, row: Any, values: list[Any]) -> None:
        builder, at = self._builder, self._at
        moved = builder.mul(builder.add(at.c, row), at.c_row)
        for value, bases, masks in zip(values, self._bases["c"], self._masks, strict=True):
            for base, mask in zip(bases, masks, strict=True):
                masked_store(builder, builder.add(base, moved), mask, value, 4, "v16f32")


def _field(builder: Any, address: Any, number: int) -> Any:
    """The number of 64 bits so many further on."""
    at = builder.add(address, _I64(8 * number))
    return builder.load(builder.inttoptr(at, _I64.as_pointer()))


def _tile(strips: int, *, side_by_side: bool) -> Any:
    """Return the function that computes a tile so many strips wide, from row `first` of C on."""

    @instruction(types.none, *[types.int64] * 8)
    def compute(
        builder: Any, a: Any, a_row: Any, a_term: Any, strip: Any, first: Any, row: Any, rows: Any, terms: Any
    ) -> None:
        nothing, start = _I64(0), _field(builder, strip, Strip._fields.index("start"))
        at = Operands(a, a_row, a_term, strip, row, start, nothing, first, row, rows, nothing, terms)
        _StripTile(builder, at, strips, side_by_side=side_by_side).emit()

    return compute


_1, _2, _3 = (_tile(strips + 1, side_by_side=False) for strips in range(_MOST))
_t1, _t2, _t3 = (_tile(strips + 1, side_by_side=True) for strips in range(_MOST))


@inline
def multiply(
    a: int, a_row: int, a_term: int, strips: int, count: int, row: int, rows: int, terms: int
) -> None:
    """Every C (rows, columns) = start + A (rows, terms) B (terms, columns); `row` bytes a row of B, C."""
    panels = (count + _MOST - 1) // _MOST
    for panel in range(panels):
        first, stop = count * panel // panels, count * (panel + 1) // panels
        strip = strips + STRIP_BYTES * first
        for i in range(0, rows, ROWS):
            if stop - first == 3:
                _3(a + i * a_row, a_row, a_term, strip, i, row, rows - i, terms)
            elif stop - first == 2:
                _2(a + i * a_row, a_row, a_term, strip, i, row, rows - i, terms)
            else:
                _1(a + i * a_row, a_row, a_term, strip, i, row, rows - i, terms)


@inline
def multiply_transposed(a: int, a_row: int, strips: int, count: int, row: int, rows: int, terms: int) -> None:
    """Every C (rows, columns) = A^T B of A (terms, rows) and B (terms, columns); at least eight rows."""
    panels = (count + _MOST - 1) // _MOST
    for panel in range(panels):
        first, stop = count * panel // panels, count * (panel + 1) // panels
        strip = strips + STRIP_BYTES * first
        for at in range(0, rows, ROWS):
            i = min(at, rows - ROWS)
            if stop - first == 3:
                _t3(a + 4 * i, 4, a_row, strip, i, row, ROWS, terms)
            elif stop - first == 2:
                _t2(a + 4 * i, 4, a_row, strip, i, row, ROWS, terms)
            else:
                _t1(a + 4 * i, 4, a_row, strip, i, row, ROWS, terms)


def strips_of(width: int, b: list[int], start: list[int], c: list[int]) -> np.ndarray[Any, Any]:
    """The strips of matrices that lie at these addresses, with `width` columns each, at least sixteen."""
    strips = []
    columns = width * len(b)
    for column in range(0, columns, LANES):
        arm, at = divmod(min(column, columns - LANES), width)
        lanes = min(LANES, width - at)
        then = arm + 1 if lanes < LANES else arm
        places = []
        for matrix in (b, start, c):
            high = matrix[then] and matrix[then] - 4 * lanes
            places += [
                matrix[arm] and matrix[arm] + 4 * at,
                high if then > arm else matrix[arm] and matrix[arm] + 4 * at,
            ]
        strips.append(Strip(lanes, *places))
    return np.array(strips, record(Strip))
