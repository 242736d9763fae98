"""Products of matrices, tile by tile: C = start + A B."""

from __future__ import annotations

from typing import Any

from koubai.engines.native.kernels.base import inline
from koubai.engines.native.kernels.simd import LANES
from koubai.engines.native.kernels.tiles import HAVE_WIDE_REGISTERS, tile

# Rows of a tile of 1, 2, 3, 4 vectors: as many sums as there are registers.
_ROWS = (8, 8, 8, 6) if HAVE_WIDE_REGISTERS else (6, 6, 6, 6)
_VECTORS = 4 if HAVE_WIDE_REGISTERS else 1
_TERMS = 192  # at a time: so much of a panel of B stays in the cache nearest to a core
WIDTH = LANES * _VECTORS  # columns of the widest panel
_1, _2, _3, _4 = (tile(rows, n + 1, masked=False) for n, rows in enumerate(_ROWS))
_part = tile(_ROWS[0], 1, masked=True)
_t1, _t2, _t3, _t4 = (tile(rows, n + 1, masked=False, side_by_side=True) for n, rows in enumerate(_ROWS))
_t_part = tile(_ROWS[0], 1, masked=True, side_by_side=True)


@inline
def _panel(panel: int, panels: int, columns: int) -> Any:
    """(first column, number of vectors, columns) of a panel: all columns in panels of about equal width."""
    vectors = (columns + LANES - 1) // LANES
    first, stop = vectors * panel // panels, vectors * (panel + 1) // panels
    return LANES * first, stop - first, min(LANES * stop, columns) - LANES * first


@inline
def _panels(columns: int) -> Any:
    return ((columns + LANES - 1) // LANES + _VECTORS - 1) // _VECTORS


@inline
def _tile_rows(vectors: int) -> Any:
    return _ROWS[3] if vectors == 4 else _ROWS[0]


@inline
def multiply(
    a: int, a_row: int, a_term: int, b: int, b_row: int, start: int, start_row: int, c: int, c_row: int,
    rows: int, columns: int, terms: int,
) -> None:  # fmt: skip
    """C (rows, columns) = start + A (rows, terms) B (terms, columns); steps from row to row are bytes.

    `start` is a matrix, which may be C itself, a row for all (a step of 0), or 0: nothing.
    """
    panels = _panels(columns)
    for k in range(0, terms, _TERMS):
        count = min(_TERMS, terms - k)
        from_, step = (c, c_row) if k else (start, start_row if start else 0)
        for panel in range(panels):
            first, vectors, width = _panel(panel, panels, columns)
            size = _tile_rows(vectors)
            b_k, c_k, from_k = b + k * b_row + 4 * first, c + 4 * first, from_ + 4 * first if from_ else 0
            for i in range(0, rows, size):
                a_i, s_i, c_i = a + i * a_row + k * a_term, from_k + i * step, c_k + i * c_row
                left = rows - i
                if vectors == 4:
                    _4(a_i, a_row, a_term, b_k, b_row, s_i, step, c_i, c_row, left, width, count)
                elif vectors == 3:
                    _3(a_i, a_row, a_term, b_k, b_row, s_i, step, c_i, c_row, left, width, count)
                elif vectors == 2:
                    _2(a_i, a_row, a_term, b_k, b_row, s_i, step, c_i, c_row, left, width, count)
                elif width == LANES:
                    _1(a_i, a_row, a_term, b_k, b_row, s_i, step, c_i, c_row, left, width, count)
                else:
                    _part(a_i, a_row, a_term, b_k, b_row, s_i, step, c_i, c_row, left, width, count)


@inline
def multiply_transposed(
    a: int, a_row: int, b: int, b_row: int, c: int, c_row: int, rows: int, columns: int, terms: int
) -> None:
    """C (rows, columns) = A^T B of A (terms, rows) and B (terms, columns)."""
    panels = _panels(columns)
    for panel in range(panels):
        first, vectors, width = _panel(panel, panels, columns)
        size = _tile_rows(vectors)
        b_k, c_k = b + 4 * first, c + 4 * first
        if rows < size:
            for i in range(rows):
                for v in range(0, width, LANES):
                    c_v, left = c_k + i * c_row + 4 * v, min(LANES, width - v)
                    _part(a + 4 * i, 0, a_row, b_k + 4 * v, b_row, 0, 0, c_v, 0, 1, left, terms)
            continue
        for at in range(0, rows, size):
            i = min(at, rows - size)
            a_i, c_i = a + 4 * i, c_k + i * c_row
            if vectors == 4:
                _t4(a_i, 4, a_row, b_k, b_row, 0, 0, c_i, c_row, size, width, terms)
            elif vectors == 3:
                _t3(a_i, 4, a_row, b_k, b_row, 0, 0, c_i, c_row, size, width, terms)
            elif vectors == 2:
                _t2(a_i, 4, a_row, b_k, b_row, 0, 0, c_i, c_row, size, width, terms)
            elif width == LANES:
                _t1(a_i, 4, a_row, b_k, b_row, 0, 0, c_i, c_row, size, width, terms)
            else:
                _t_part(a_i, 4, a_row, b_k, b_row, 0, 0, c_i, c_row, size, width, terms)
