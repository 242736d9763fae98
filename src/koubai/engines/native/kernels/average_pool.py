"""Average pooling (pool.py tells the arguments; there are no places)."""

from __future__ import annotations

from numba import float32

from koubai.engines.native.kernels.base import kernel, share, words
from koubai.engines.native.kernels.functions import ZERO
from koubai.engines.native.kernels.pool import (
    ARGUMENTS,
    channels,
    clear_sample,
    sample_words,
    window_columns,
    window_rows,
)
from koubai.engines.native.kernels.simd import LANES, splat
from koubai.engines.native.kernels.simd_memory import load_part, store_part


@kernel
def average_pool(args: int, thread: int, team: int) -> None:
    """y = the mean of each window; padding counts as zeros."""
    a = words(args, ARGUMENTS)
    C, B, W, P, Q = a[4], a[5], a[7], a[8], a[9]
    sample, space, elements = sample_words(a), a[6] * W, splat(float32(a[10] * a[11]))
    start, count = share(a[3], 1, thread, team)
    for n in range(start, start + count):
        for p in range(P):
            top, i0, i1 = window_rows(a, p)
            for q in range(Q):
                left, j0, j1 = window_columns(a, q)
                corner = a[0] + 4 * (n * sample + (top * W + left) * B)
                for c in range(0, C, LANES):
                    width, at = channels(c, C, B, space)
                    total = splat(ZERO)
                    for i in range(i0, i1):
                        for j in range(j0, j1):
                            total = total + load_part(corner + 4 * (at + (i * W + j) * B), width)
                    store_part(a[1] + 4 * (((n * P + p) * Q + q) * C + c), total / elements, width)


@kernel
def average_pool_backward(args: int, thread: int, team: int) -> None:
    """dx += dy / K over each window of K elements."""
    a = words(args, ARGUMENTS)
    C, B, W, P, Q = a[4], a[5], a[7], a[8], a[9]
    sample, space, elements = sample_words(a), a[6] * W, splat(float32(a[10] * a[11]))
    start, count = share(a[3], 1, thread, team)
    for n in range(start, start + count):
        clear_sample(a, n, False)
        for p in range(P):
            top, i0, i1 = window_rows(a, p)
            for q in range(Q):
                left, j0, j1 = window_columns(a, q)
                corner = a[0] + 4 * (n * sample + (top * W + left) * B)
                for c in range(0, C, LANES):
                    width, at = channels(c, C, B, space)
                    dy = load_part(a[1] + 4 * (((n * P + p) * Q + q) * C + c), width) / elements
                    for i in range(i0, i1):
                        for j in range(j0, j1):
                            to = corner + 4 * (at + (i * W + j) * B)
                            store_part(to, load_part(to, width) + dy, width)
