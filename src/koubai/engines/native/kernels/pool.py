"""Windows of a pooling, two space axes (a single one counts as H = 1).

The input lies in blocks of B channels, 16 or all of them (channels last); the output has channels last.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from koubai.engines.native.kernels.base import inline, small
from koubai.engines.native.kernels.block import Address
from koubai.engines.native.kernels.simd import LANES


class Windows(NamedTuple):
    """x (samples, C, H, W) in blocks of B channels; y (samples, C, P, Q)."""

    samples: int
    C: int
    B: int
    H: int
    W: int
    P: int
    Q: int
    KH: int  # of a window
    KW: int
    SH: int  # from window to window
    SW: int
    PH: int  # of padding, on each side
    PW: int


class Pool(NamedTuple):
    """A pooling; backward kernels write dx in the place of x from dy in the place of y.

    `places` is for a maximum (max_pool.py). `flag` says forward that y is of max(0, x); backward, that
    windows cover x without overlap.
    """

    x: Address
    y: Address
    places: Address
    windows: Windows
    flag: int


@inline
def window_rows(w: Windows, p: int) -> Any:
    """Of a row of windows: its first row in the input, and which rows of the window lie inside."""
    top = p * w.SH - w.PH
    return top, max(0, -top), min(w.KH, w.H - top)


@inline
def window_columns(w: Windows, q: int) -> Any:
    """Of a column of windows the same."""
    left = q * w.SW - w.PW
    return left, max(0, -left), min(w.KW, w.W - left)


@inline
def channels(w: Windows, c: int) -> Any:
    """Of the up to 16 channels from c on: how many, and the elements before them in a sample."""
    return min(LANES, w.C - c), (c * w.H * w.W if w.B == LANES else c)


@inline
def sample_elements(w: Windows) -> int:
    """The elements of a sample of the input."""
    return (w.C + w.B - 1) // w.B * w.B * w.H * w.W


@inline
def clear_sample(b: Pool, n: int, half: bool) -> None:
    """Zeros in a sample of dx."""
    size = sample_elements(b.windows) * (2 if half else 4)
    zeros = small(b.x + n * size, size)
    for i in range(size):
        zeros[i] = 0
