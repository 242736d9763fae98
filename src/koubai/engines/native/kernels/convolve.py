"""Convolution as products: the windows of some output lines become rows of a matrix, BLAS does the rest.

x, y and their gradients have channels last; W is (M, kh kw, C / G), so that a row of W lies as a window does.
A line is a row of the output image. Some lines of all samples are taken at a time, so that their windows
(`columns`) stay in the cache. Where a window is a single place, x itself is the matrix.

Arguments: (x, W, b or 0, y, columns, samples, H, W, C, P, Q, M, kernel, stride, dilation, padding (2 words
each), G, lines at a time, sgemm); backward kernels have the gradient in each place: dW, db, dy, dx.
"""

from __future__ import annotations

from typing import Any

from koubai.engines.native.kernels.base import calling, inline, words
from koubai.engines.native.kernels.functions import ONE, ZERO
from koubai.engines.native.kernels.gemm import add_rows, clear, fill_rows, multiply
from koubai.engines.native.kernels.simd import LANES
from koubai.engines.native.kernels.simd_memory import load, load_part, store, store_part

(
    _X, _WEIGHT, _BIAS, _Y, _COLUMNS, _SAMPLES, _H, _W, _C, _P, _Q, _M,
    _KH, _KW, _SH, _SW, _DH, _DW, _PH, _PW, _G, _LINES, _SGEMM,
) = range(23)  # fmt: skip
ARGUMENTS = 23


@inline
def _copy(source: int, target: int, count: int) -> None:
    whole = count // LANES * LANES
    for j in range(0, whole, LANES):
        store(target + 4 * j, load(source + 4 * j))
    if whole < count:
        store_part(target + 4 * whole, load_part(source + 4 * whole, count - whole), count - whole)


@inline
def _add(source: int, target: int, count: int) -> None:
    whole = count // LANES * LANES
    for j in range(0, whole, LANES):
        store(target + 4 * j, load(target + 4 * j) + load(source + 4 * j))
    if whole < count:
        rest = count - whole
        sum_ = load_part(target + 4 * whole, rest) + load_part(source + 4 * whole, rest)
        store_part(target + 4 * whole, sum_, rest)


@inline
def _single(a: Any) -> Any:
    """Whether every window is a single place, and every place a window."""
    places = a[_KH] * a[_KW] == 1 and a[_SH] * a[_SW] == 1
    return places and a[_PH] == 0 and a[_PW] == 0


@inline
def _inside(a: Any, q: int) -> Any:
    """Of window q of a line: (first place, start, stop); columns start .. stop - 1 of it lie in the image."""
    left, step, kw = q * a[_SW] - a[_PW], a[_DW], a[_KW]
    start, stop = 0, kw
    if left < 0:
        start = min(kw, -left if step == 1 else (step - 1 - left) // step)
    if left + (kw - 1) * step >= a[_W]:
        size = a[_W] - left
        stop = max(start, size if step == 1 else (size + step - 1) // step)
    return left, start, stop


@inline
def _window_row(a: Any, line: int, i: int, group: int) -> Any:
    """(address in x of the row that row i of the windows of a line sees, whether there is one)."""
    n, p = line // a[_P], line % a[_P]
    h = p * a[_SH] - a[_PH] + i * a[_DH]
    at = a[_X] + 4 * (((n * a[_H] + h) * a[_W]) * a[_C] + group * (a[_C] // a[_G]))
    return at, h >= 0 and h < a[_H]


@inline
def _gather(a: Any, line: int, group: int, columns: int) -> None:
    """The windows of a line, a row each, of the channels of a group."""
    C, kw = a[_C] // a[_G], a[_KW]
    width, joined = a[_KH] * kw * C, a[_DW] == 1 and a[_G] == 1
    for i in range(a[_KH]):
        row, there = _window_row(a, line, i, group)
        for q in range(a[_Q]):
            to = columns + 4 * (q * width + i * kw * C)
            left, start, stop = _inside(a, q)
            if not there:
                start, stop = 0, 0
            if start > 0:
                clear(to, start * C)
            if stop < kw:
                clear(to + 4 * stop * C, (kw - stop) * C)
            if joined:
                _copy(row + 4 * (left + start) * C, to + 4 * start * C, (stop - start) * C)
            else:
                for j in range(start, stop):
                    _copy(row + 4 * (left + j * a[_DW]) * a[_C], to + 4 * j * C, C)


@inline
def _scatter(a: Any, line: int, group: int, columns: int) -> None:
    """Add the windows of a line to x."""
    C, kw = a[_C] // a[_G], a[_KW]
    width, joined = a[_KH] * kw * C, a[_DW] == 1 and a[_G] == 1
    for i in range(a[_KH]):
        row, there = _window_row(a, line, i, group)
        if there:
            for q in range(a[_Q]):
                source = columns + 4 * (q * width + i * kw * C)
                left, start, stop = _inside(a, q)
                if joined:
                    _add(source + 4 * start * C, row + 4 * (left + start) * C, (stop - start) * C)
                else:
                    for j in range(start, stop):
                        _add(source + 4 * j * C, row + 4 * (left + j * a[_DW]) * a[_C], C)


@inline
def _sizes(a: Any) -> Any:
    """Of a group: (channels of x, channels of y, words of a window)."""
    C, M = a[_C] // a[_G], a[_M] // a[_G]
    return C, M, a[_KH] * a[_KW] * C


@inline
def _windows(a: Any, line: int, count: int, group: int) -> Any:
    """(address, words from row to row) of the windows of `count` lines."""
    C, _, width = _sizes(a)
    if _single(a):
        return a[_X] + 4 * (line * a[_Q] * a[_C] + group * C), a[_C]
    for k in range(count):
        _gather(a, line + k, group, a[_COLUMNS] + 4 * k * a[_Q] * width)
    return a[_COLUMNS], width


@calling("BLAS")
def convolve(args: int, thread: int, team: int) -> None:
    """y = windows W^T + b."""
    a = words(args, ARGUMENTS)
    _, M, width = _sizes(a)
    lines, keep = a[_SAMPLES] * a[_P], ONE if a[_BIAS] else ZERO
    for line in range(0, lines, a[_LINES]):
        count = min(a[_LINES], lines - line)
        rows, y = count * a[_Q], a[_Y] + 4 * line * a[_Q] * a[_M]
        if a[_BIAS]:
            fill_rows(a[_BIAS], y, rows, a[_M])
        for g in range(a[_G]):
            at, step = _windows(a, line, count, g)
            weight, out = a[_WEIGHT] + 4 * g * M * width, y + 4 * g * M
            multiply(a[_SGEMM], rows, M, width, 0, at, step, 1, weight, width, keep, out, a[_M])


@calling("BLAS")
def convolve_weights(args: int, thread: int, team: int) -> None:
    """dW = dy^T windows, db = sum dy."""
    a = words(args, ARGUMENTS)
    _, M, width = _sizes(a)
    lines = a[_SAMPLES] * a[_P]
    if a[_BIAS]:
        clear(a[_BIAS], a[_M])
    for line in range(0, lines, a[_LINES]):
        count = min(a[_LINES], lines - line)
        rows, dy = count * a[_Q], a[_Y] + 4 * line * a[_Q] * a[_M]
        if a[_BIAS]:
            add_rows(dy, a[_BIAS], rows, a[_M])
        for g in range(a[_G]):
            at, step = _windows(a, line, count, g)
            weight, keep = a[_WEIGHT] + 4 * g * M * width, ONE if line else ZERO
            multiply(a[_SGEMM], M, width, rows, 1, dy + 4 * g * M, a[_M], 0, at, step, keep, weight, width)


@calling("BLAS")
def convolve_data(args: int, thread: int, team: int) -> None:
    """dx = the windows dy W, each added where it was taken."""
    a = words(args, ARGUMENTS)
    C, M, width = _sizes(a)
    lines, single = a[_SAMPLES] * a[_P], _single(a)
    if not single:
        clear(a[_X], a[_SAMPLES] * a[_H] * a[_W] * a[_C])
    for line in range(0, lines, a[_LINES]):
        count = min(a[_LINES], lines - line)
        rows, dy = count * a[_Q], a[_Y] + 4 * line * a[_Q] * a[_M]
        for g in range(a[_G]):
            weight, at, step = a[_WEIGHT] + 4 * g * M * width, a[_COLUMNS], width
            if single:
                at, step = a[_X] + 4 * (line * a[_Q] * a[_C] + g * C), a[_C]
            multiply(a[_SGEMM], rows, width, M, 0, dy + 4 * g * M, a[_M], 0, weight, width, ZERO, at, step)
            if not single:
                for k in range(count):
                    _scatter(a, line + k, g, at + 4 * k * a[_Q] * width)
