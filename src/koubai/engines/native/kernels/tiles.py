"""Tiles of a matrix product: some rows times some vectors of columns, held in registers over all terms.

Every element of C = A B is one chain of multiply-adds over k = 0, 1, 2 ..., each rounded once. So its bits
depend on nothing else: not on the size of a tile, nor on the rows and columns computed beside it, nor on the
processor.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.core import cgutils, registry

from koubai.engines.native.kernels.instruction import instruction
from koubai.engines.native.kernels.simd import FLOATS, LANES, fused, spread
from koubai.engines.native.kernels.simd_memory import ask_for, first_lanes, masked_load, masked_store

_I64, _FLOAT, _FLOAT_BYTES, _LINE = ir.IntType(64), ir.FloatType(), 4, 64


def _processor() -> tuple[str, str]:
    """What kernels are compiled for: triple, features."""
    triple, _, features = registry.cpu_target.target_context.codegen().magic_tuple()
    return str(triple), str(features)


def pay() -> bool:
    """Whether tiles are faster than BLAS: on x86-64 with AVX2 and FMA. Others were not timed."""
    triple, features = _processor()
    return triple.startswith("x86_64") and "+avx2" in features and "+fma" in features


# 32 registers of a whole vector each; elsewhere a vector takes several of fewer or smaller ones.
HAVE_WIDE_REGISTERS = "+avx512f" in _processor()[1]


class Operands(NamedTuple):
    """What a tile of C = start + A B is made of; all but counts are addresses or bytes."""

    a: Any
    a_row: Any
    a_term: Any  # from a[i, k] to a[i, k + 1]
    b: Any
    b_term: Any
    start: Any  # 0 where sums start at 0
    start_row: Any
    c: Any
    c_row: Any
    rows: Any  # that there are
    columns: Any
    terms: Any


class Tile:
    """Emits the code of one tile.

    The last vector ends with the last column, and computes columns of the one before it once more; only that
    of a `masked` tile may be shorter. In the place of rows that are not there the last one is computed once
    more, unless rows of A lie `side_by_side`, number by number: then all must be there.
    """

    def __init__(
        self, builder: Any, at: Operands, rows: int, vectors: int, *, masked: bool, side_by_side: bool
    ) -> None:
        self._builder, self._at, self._vectors, self._masked = builder, at, vectors, masked
        self._a: list[Any] = []
        last = builder.sub(at.rows, _I64(1))
        self._lines = [_I64(i) for i in range(rows)]
        if not side_by_side:
            self._lines = [builder.select(builder.icmp_signed("<", i, last), i, last) for i in self._lines]
            self._a = [self._moved(at.a, i, at.a_row) for i in self._lines]
        self._mask = first_lanes(builder, builder.sub(at.columns, _I64(LANES * (vectors - 1))))
        self._sums = [[cgutils.alloca_once(builder, FLOATS) for _ in range(vectors)] for _ in range(rows)]

    def emit(self) -> None:
        """All of it."""
        builder, at = self._builder, self._at
        with builder.if_else(cgutils.is_not_null(builder, at.start)) as (given, nothing):
            with given:
                for line, sums in zip(self._lines, self._sums, strict=True):
                    for total, value in zip(sums, self._load("start", line, at.start_row), strict=True):
                        builder.store(value, total)
            with nothing:
                for total in (total for sums in self._sums for total in sums):
                    builder.store(FLOATS(None), total)
        with cgutils.for_range(builder, at.terms) as loop:
            self._add_term(loop.index)
        for line, sums in zip(self._lines, self._sums, strict=True):
            self._store(line, [builder.load(total) for total in sums])

    def _add_term(self, k: Any) -> None:
        builder = self._builder
        b = self._load("b", k, self._at.b_term)
        if not self._a:
            ahead = builder.add(self._moved(self._at.a, k, self._at.a_term), _I64(_LINE))
            ask_for(builder, ahead)  # of the next tiles: on a line of its own for every term
        for place, sums in zip(self._numbers(k), self._sums, strict=True):
            number = builder.load(builder.inttoptr(place, _FLOAT.as_pointer()), align=_FLOAT_BYTES)
            a = spread(builder, number, FLOATS)
            for total, b_j in zip(sums, b, strict=True):
                builder.store(fused(builder, a, b_j, builder.load(total)), total)

    def _numbers(self, k: Any) -> list[Any]:
        """Where the numbers of A of term k lie."""
        if self._a:
            return [self._moved(row, k, self._at.a_term) for row in self._a]
        first = self._moved(self._at.a, k, self._at.a_term)
        return [self._builder.add(first, _I64(_FLOAT_BYTES * i)) for i in range(len(self._lines))]

    def _moved(self, address: Any, count: Any, step: Any) -> Any:
        return self._builder.add(address, self._builder.mul(count, step))

    def _places(self, row: Any) -> list[tuple[Any, bool]]:
        """Where the vectors of a row lie, and whether one may be shorter."""
        builder, step = self._builder, _FLOAT_BYTES * LANES
        first = [(builder.add(row, _I64(step * j)), False) for j in range(self._vectors - 1)]
        if self._masked:
            return [*first, (builder.add(row, _I64(step * len(first))), True)]
        end = self._moved(row, self._at.columns, _I64(_FLOAT_BYTES))
        return [*first, (builder.sub(end, _I64(step)), False)]

    def _load(self, name: str, row: Any, step: Any) -> list[Any]:
        """The vectors of a row of `b` or `start`."""

        def load(at: Any, shorter: bool) -> Any:
            if shorter:
                return masked_load(self._builder, at, self._mask, FLOATS, _FLOAT_BYTES, "v16f32")
            return self._builder.load(self._builder.inttoptr(at, FLOATS.as_pointer()), align=_FLOAT_BYTES)

        return [load(*place) for place in self._places(self._moved(getattr(self._at, name), row, step))]

    def _store(self, row: Any, values: list[Any]) -> None:
        places = self._places(self._moved(self._at.c, row, self._at.c_row))
        for (at, shorter), value in zip(places, values, strict=True):
            if shorter:
                masked_store(self._builder, at, self._mask, value, _FLOAT_BYTES, "v16f32")
            else:
                pointer = self._builder.inttoptr(at, FLOATS.as_pointer())
                self._builder.store(value, pointer, align=_FLOAT_BYTES)


def tile(rows: int, vectors: int, *, masked: bool, side_by_side: bool = False) -> Any:
    """Return the function that computes a tile of that size; it takes the fields of Operands."""

    @instruction(types.none, *[types.int64] * 12)
    def compute(
        builder: Any, a: Any, a_row: Any, a_term: Any, b: Any, b_term: Any, start: Any, start_row: Any,
        c: Any, c_row: Any, rows_: Any, columns: Any, terms: Any,
    ) -> None:  # fmt: skip
        at = Operands(a, a_row, a_term, b, b_term, start, start_row, c, c_row, rows_, columns, terms)
        Tile(builder, at, rows, vectors, masked=masked, side_by_side=side_by_side).emit()

    return compute
