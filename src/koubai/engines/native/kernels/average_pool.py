"""Average pooling; there are no places."""

from __future__ import annotations

from numba import float32

from koubai.engines.native.kernels.base import kernel, share
from koubai.engines.native.kernels.functions import ZERO
from koubai.engines.native.kernels.pool import (
    Pool,
    channels,
    clear_sample,
    sample_elements,
    window_columns,
    window_rows,
)
from koubai.engines.native.kernels.simd import LANES, splat
from koubai.engines.native.kernels.simd_memory import load_part, store_part


@kernel
def average_pool(b: Pool, thread: int, team: int) -> None:
    """y = the mean of each window; padding counts as zeros."""
    w = b.windows
    C, B, W, P, Q = w.C, w.B, w.W, w.P, w.Q
    sample, elements = sample_elements(w), splat(float32(w.KH * w.KW))
    start, count = share(w.samples, 1, thread, team)
    for n in range(start, start + count):
        for p in range(P):
            top, i0, i1 = window_rows(w, p)
            for q in range(Q):
                left, j0, j1 = window_columns(w, q)
                corner = b.x + 4 * (n * sample + (top * W + left) * B)
                for c in range(0, C, LANES):
                    width, at = channels(w, c)
                    total = splat(ZERO)
                    for i in range(i0, i1):
                        for j in range(j0, j1):
                            total = total + load_part(corner + 4 * (at + (i * W + j) * B), width)
                    store_part(b.y + 4 * (((n * P + p) * Q + q) * C + c), total / elements, width)


@kernel
def average_pool_backward(b: Pool, thread: int, team: int) -> None:
    """dx += dy / K over each window of K elements."""
    w = b.windows
    C, B, W, P, Q = w.C, w.B, w.W, w.P, w.Q
    sample, elements = sample_elements(w), splat(float32(w.KH * w.KW))
    start, count = share(w.samples, 1, thread, team)
    for n in range(start, start + count):
        clear_sample(b, n, False)
        for p in range(P):
            top, i0, i1 = window_rows(w, p)
            for q in range(Q):
                left, j0, j1 = window_columns(w, q)
                corner = b.x + 4 * (n * sample + (top * W + left) * B)
                for c in range(0, C, LANES):
                    width, at = channels(w, c)
                    dy = load_part(b.y + 4 * (((n * P + p) * Q + q) * C + c), width) / elements
                    for i in range(i0, i1):
                        for j in range(j0, j1):
                            to = corner + 4 * (at + (i * W + j) * B)
                            store_part(to, load_part(to, width) + dy, width)
