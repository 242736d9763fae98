"""Windows of a pooling, two space axes (a single one counts as H = 1).

The input lies in blocks of B channels, 16 or all of them (channels last); the output has channels last.
Kernels take (x, y, places, samples, C, B, H, W, P, Q, kernel, stride, padding (2 words each), flag), the
output being P x Q. Backward kernels write dx in the place of x from dy in the place of y.
"""

from __future__ import annotations

from typing import Any

from koubai.engines.native.kernels.base import inline, small
from koubai.engines.native.kernels.simd import LANES

ARGUMENTS = 17


@inline
def window_rows(a: Any, p: int) -> Any:
    """Of a row of windows: its first row in the input, and which rows of the window lie inside."""
    top = p * a[12] - a[14]
    return top, max(0, -top), min(a[10], a[6] - top)


@inline
def window_columns(a: Any, q: int) -> Any:
    """Of a column of windows the same."""
    left = q * a[13] - a[15]
    return left, max(0, -left), min(a[11], a[7] - left)


@inline
def channels(c: int, C: int, B: int, space: int) -> Any:
    """Of the up to 16 channels from c on: how many, and the words before them in a sample."""
    return min(LANES, C - c), (c * space if B == LANES else c)


@inline
def sample_words(a: Any) -> int:
    """The words of a sample of the input."""
    C, B = a[4], a[5]
    return (C + B - 1) // B * B * a[6] * a[7]


@inline
def clear_sample(a: Any, n: int, half: bool) -> None:
    """Zeros in a sample of dx."""
    size = sample_words(a) * (2 if half else 4)
    zeros = small(a[0] + n * size, size)
    for i in range(size):
        zeros[i] = 0
