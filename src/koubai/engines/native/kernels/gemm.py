"""Products of matrices in C order, by BLAS; dense layers made of them."""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from koubai.engines.native.kernels.base import calling, floats, inline
from koubai.engines.native.kernels.block import Address
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
    """C (m, n) = op(A) (m, k) op(B) (k, n) + keep C; all in C order, with elements from row to row.

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


class BlasLinear(NamedTuple):
    """x (rows, F) to y (rows, G); backward kernels have the gradient in each place."""

    x: Address
    weight: Address
    bias: Address  # or 0
    y: Address
    rows: int
    F: int
    G: int
    sgemm: int  # address


@calling("BLAS")
def linear(b: BlasLinear, thread: int, team: int) -> None:
    """y = x W + b."""
    F, G = b.F, b.G
    if b.bias:
        fill_rows(b.bias, b.y, b.rows, G)
    multiply(b.sgemm, b.rows, G, F, 0, b.x, F, 0, b.weight, G, ONE if b.bias else ZERO, b.y, G)


@calling("BLAS")
def linear_weights(b: BlasLinear, thread: int, team: int) -> None:
    """dW = x^T dy, db = sum dy."""
    F, G = b.F, b.G
    if b.bias:
        clear(b.bias, G)
        add_rows(b.y, b.bias, b.rows, G)
    multiply(b.sgemm, F, G, b.rows, 1, b.x, F, 0, b.y, G, ZERO, b.weight, G)


@calling("BLAS")
def linear_data(b: BlasLinear, thread: int, team: int) -> None:
    """dx = dy W^T."""
    F, G = b.F, b.G
    multiply(b.sgemm, b.rows, F, G, 0, b.y, G, 1, b.weight, G, ZERO, b.x, F)
