"""Convolution as products: the windows of some output lines become rows of a matrix.

The products are koubai's own, or BLAS's where a block has its address.
x, y and their gradients have channels last; W is (M, kh kw, C / G), so that a row of W lies as a window does.
A line is a row of the output image. Some lines of all samples are taken at a time, so that their windows
(`columns`) stay in the cache. Where a window is a single place, x itself is the matrix.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from koubai.engines.native.kernels import product
from koubai.engines.native.kernels.base import Kernel, calling, inline, kernel
from koubai.engines.native.kernels.block import Address
from koubai.engines.native.kernels.functions import ONE, ZERO
from koubai.engines.native.kernels.gemm import add_rows, clear, fill_rows, multiply
from koubai.engines.native.kernels.simd import LANES
from koubai.engines.native.kernels.simd_memory import load, load_part, store, store_part


class Convolution(NamedTuple):
    """x (samples, H, W, C) to y (samples, P, Q, M); backward kernels have the gradient in each place."""

    x: Address
    weight: Address
    bias: Address  # or 0
    y: Address
    columns: Address
    turned: Address  # W^T, (kh kw C, M), where koubai's own product reads it
    samples: int
    H: int
    W: int
    C: int
    P: int
    Q: int
    M: int
    KH: int  # of the kernel
    KW: int
    SH: int  # stride
    SW: int
    DH: int  # dilation
    DW: int
    PH: int  # padding
    PW: int
    G: int
    lines: int  # at a time
    sgemm: int  # address; 0 where there is one group and koubai's own product


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
def _single(b: Convolution) -> Any:
    """Whether every window is a single place, and every place a window."""
    places = b.KH * b.KW == 1 and b.SH * b.SW == 1
    return places and b.PH == 0 and b.PW == 0


@inline
def _inside(b: Convolution, q: int) -> Any:
    """Of window q of a line: (first place, start, stop); columns start .. stop - 1 of it lie in the image."""
    left, step, kw = q * b.SW - b.PW, b.DW, b.KW
    start, stop = 0, kw
    if left < 0:
        start = min(kw, -left if step == 1 else (step - 1 - left) // step)
    if left + (kw - 1) * step >= b.W:
        size = b.W - left
        stop = max(start, size if step == 1 else (size + step - 1) // step)
    return left, start, stop


@inline
def _window_row(b: Convolution, line: int, i: int, group: int) -> Any:
    """(address in x of the row that row i of the windows of a line sees, whether there is one)."""
    n, p = line // b.P, line % b.P
    h = p * b.SH - b.PH + i * b.DH
    at = b.x + 4 * (((n * b.H + h) * b.W) * b.C + group * (b.C // b.G))
    return at, h >= 0 and h < b.H


@inline
def _gather(b: Convolution, line: int, group: int, columns: int) -> None:
    """The windows of a line, a row each, of the channels of a group."""
    C, kw = b.C // b.G, b.KW
    width, joined = b.KH * kw * C, b.DW == 1 and b.G == 1
    for i in range(b.KH):
        row, there = _window_row(b, line, i, group)
        for q in range(b.Q):
            to = columns + 4 * (q * width + i * kw * C)
            left, start, stop = _inside(b, q)
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
                    _copy(row + 4 * (left + j * b.DW) * b.C, to + 4 * j * C, C)


@inline
def _scatter(b: Convolution, line: int, group: int, columns: int) -> None:
    """Add the windows of a line to x."""
    C, kw = b.C // b.G, b.KW
    width, joined = b.KH * kw * C, b.DW == 1 and b.G == 1
    for i in range(b.KH):
        row, there = _window_row(b, line, i, group)
        if there:
            for q in range(b.Q):
                source = columns + 4 * (q * width + i * kw * C)
                left, start, stop = _inside(b, q)
                if joined:
                    _add(source + 4 * start * C, row + 4 * (left + start) * C, (stop - start) * C)
                else:
                    for j in range(start, stop):
                        _add(source + 4 * j * C, row + 4 * (left + j * b.DW) * b.C, C)


@inline
def _sizes(b: Convolution) -> Any:
    """Of a group: (channels of x, channels of y, elements of a window)."""
    C, M = b.C // b.G, b.M // b.G
    return C, M, b.KH * b.KW * C


@inline
def _windows(b: Convolution, line: int, count: int, group: int) -> Any:
    """(address, elements from row to row) of the windows of `count` lines."""
    C, _, width = _sizes(b)
    if _single(b):
        return b.x + 4 * (line * b.Q * b.C + group * C), b.C
    for k in range(count):
        _gather(b, line + k, group, b.columns + 4 * k * b.Q * width)
    return b.columns, width


def convolve(b: Convolution, thread: int, team: int) -> None:
    """y = windows W^T + b."""
    _, M, width = _sizes(b)
    lines, keep = b.samples * b.P, ONE if b.bias else ZERO
    for line in range(0, lines, b.lines):
        count = min(b.lines, lines - line)
        rows, y = count * b.Q, b.y + 4 * line * b.Q * b.M
        if b.bias and b.sgemm:
            fill_rows(b.bias, y, rows, b.M)
        for g in range(b.G):
            at, step = _windows(b, line, count, g)
            weight, out = b.weight + 4 * g * M * width, y + 4 * g * M
            if b.sgemm:
                multiply(b.sgemm, rows, M, width, 0, at, step, 1, weight, width, keep, out, b.M)
            else:
                product.multiply(at, 4 * step, 4, b.turned, 4 * M, b.bias, 0, out, 4 * M, rows, M, width)


def convolve_weights(b: Convolution, thread: int, team: int) -> None:
    """dW = dy^T windows, db = sum dy."""
    _, M, width = _sizes(b)
    lines = b.samples * b.P
    if b.bias:
        clear(b.bias, b.M)
    for line in range(0, lines, b.lines):
        count = min(b.lines, lines - line)
        rows, dy = count * b.Q, b.y + 4 * line * b.Q * b.M
        if b.bias:
            add_rows(dy, b.bias, rows, b.M)
        for g in range(b.G):
            at, step = _windows(b, line, count, g)
            weight, keep = b.weight + 4 * g * M * width, ONE if line else ZERO
            if b.sgemm:
                multiply(b.sgemm, M, width, rows, 1, dy + 4 * g * M, b.M, 0, at, step, keep, weight, width)
            else:
                start, row = (weight if line else 0), 4 * width
                product.multiply(dy, 4, 4 * M, at, 4 * step, start, row, weight, row, M, width, rows)


def convolve_data(b: Convolution, thread: int, team: int) -> None:
    """dx = the windows dy W, each added where it was taken."""
    C, M, width = _sizes(b)
    lines, single = b.samples * b.P, _single(b)
    if not single:
        clear(b.x, b.samples * b.H * b.W * b.C)
    for line in range(0, lines, b.lines):
        count = min(b.lines, lines - line)
        rows, dy = count * b.Q, b.y + 4 * line * b.Q * b.M
        for g in range(b.G):
            weight, at, step = b.weight + 4 * g * M * width, b.columns, width
            if single:
                at, step = b.x + 4 * (line * b.Q * b.C + g * C), b.C
            if b.sgemm:
                multiply(b.sgemm, rows, width, M, 0, dy + 4 * g * M, b.M, 0, weight, width, ZERO, at, step)
            else:
                product.multiply(dy, 4 * M, 4, weight, 4 * width, 0, 0, at, 4 * step, rows, width, M)
            if not single:
                for k in range(count):
                    _scatter(b, line + k, g, at + 4 * k * b.Q * width)


class Kernels(NamedTuple):
    """The three products of a convolution."""

    forward: Kernel[Convolution]
    weights: Kernel[Convolution]
    data: Kernel[Convolution]


OWN, BLAS = (
    Kernels(*map(make, (convolve, convolve_weights, convolve_data))) for make in (kernel, calling("BLAS"))
)
