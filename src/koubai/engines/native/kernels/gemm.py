"""Products of matrices in C order, by BLAS; dense layers made of them."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from koubai.engines.native.kernels.base import calling, floats, inline, words
from koubai.engines.native.kernels.functions import ONE, ZERO

_I8, _I32, _I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_FLAG, _INT, _REAL, _AT = "flag", "int", "real", "address"
_FORM = (_FLAG, _FLAG, _INT, _INT, _INT, _REAL, _AT, _INT, _AT, _INT, _REAL, _AT, _INT)


@intrinsic
def _sgemm(
    typing: Any, address: Any, ta: Any, tb: Any, m: Any, n: Any, k: Any, alpha: Any,
    a: Any, lda: Any, b: Any, ldb: Any, beta: Any, c: Any, ldc: Any,
) -> Any:  # fmt: skip
    """BLAS's C = alpha op(A) op(B) + beta C, matrices in Fortran's order; a flag of 1 transposes."""

    def passed(builder: Any, value: Any, form: str) -> Any:
        """By address, as Fortran does: matrices are addresses, the rest gets a place on the stack."""
        if form == _FLAG:
            letters = ir.Constant(_I8, ord("T")), ir.Constant(_I8, ord("N"))
            value = builder.select(builder.trunc(value, ir.IntType(1)), *letters)
        elif form == _INT:
            value = builder.trunc(value, _I32)
        return value if form == _AT else builder.ptrtoint(cgutils.alloca_once_value(builder, value), _I64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        places = [passed(builder, value, form) for value, form in zip(args[1:], _FORM, strict=True)]
        kind = ir.FunctionType(ir.VoidType(), [_I64] * len(places))
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), places)
        return context.get_dummy_value()

    numbers = [types.float32 if form == _REAL else types.int64 for form in _FORM]
    return types.none(types.int64, *numbers), generate


@inline
def multiply(
    sgemm: int, m: int, n: int, k: int, ta: int, a: int, lda: int, tb: int, b: int, ldb: int, keep: Any,
    c: int, ldc: int,
) -> None:  # fmt: skip
    """C (m, n) = op(A) (m, k) op(B) (k, n) + keep C; all in C order, with words from row to row.

    In Fortran's order, memory of C is C^T = op(B)^T op(A)^T.
    """
    _sgemm(sgemm, tb, ta, n, m, k, ONE, b, ldb, a, lda, keep, c, ldc)


@inline
def fill_rows(bias: int, y: int, rows: int, width: int) -> None:
    """Write the bias into every row."""
    b = floats(bias, width)
    for r in range(rows):
        row = floats(y + 4 * r * width, width)
        for j in range(width):
            row[j] = b[j]


@inline
def add_rows(dy: int, total: int, rows: int, width: int) -> None:
    """Add every row to the total."""
    t = floats(total, width)
    for r in range(rows):
        row = floats(dy + 4 * r * width, width)
        for j in range(width):
            t[j] += row[j]


@inline
def clear(address: int, count: int) -> None:
    """Zeros."""
    x = floats(address, count)
    for i in range(count):
        x[i] = ZERO


@calling("BLAS")
def linear(args: int, thread: int, team: int) -> None:
    """y = x W + b: (x, W, b or 0, y, rows, F, G, sgemm)."""
    a = words(args, 8)
    rows, F, G = a[4], a[5], a[6]
    if a[2]:
        fill_rows(a[2], a[3], rows, G)
    multiply(a[7], rows, G, F, 0, a[0], F, 0, a[1], G, ONE if a[2] else ZERO, a[3], G)


@calling("BLAS")
def linear_weights(args: int, thread: int, team: int) -> None:
    """dW = x^T dy, db = sum dy: (x, dy, dW, db or 0, rows, F, G, sgemm)."""
    a = words(args, 8)
    rows, F, G = a[4], a[5], a[6]
    if a[3]:
        clear(a[3], G)
        add_rows(a[1], a[3], rows, G)
    multiply(a[7], F, G, rows, 1, a[0], F, 0, a[1], G, ZERO, a[2], G)


@calling("BLAS")
def linear_data(args: int, thread: int, team: int) -> None:
    """dx = dy W^T: (dy, W, dx, rows, F, G, sgemm)."""
    a = words(args, 7)
    rows, F, G = a[3], a[4], a[5]
    multiply(a[6], rows, F, G, 0, a[0], G, 1, a[1], G, ZERO, a[2], F)
