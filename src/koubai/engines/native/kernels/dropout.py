"""Dropout with the masks of koubai.core.random, element by element, without storing them."""

from __future__ import annotations

import numpy as np
from numba import float32, uint32, uint64

from koubai.engines.native.kernels.base import STEP, floats, inline, kernel, number, share, words
from koubai.engines.native.kernels.functions import ZERO

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_A, _B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@inline
def _mix64(x: int) -> int:
    x = (x ^ (x >> uint64(30))) * _A
    x = (x ^ (x >> uint64(27))) * _B
    return x ^ (x >> uint64(31))


@inline
def _mix32(h: int) -> int:
    h = uint32(uint32(h ^ (h >> uint32(16))) * uint32(0x7FEB352D))
    h = uint32(uint32(h ^ (h >> uint32(15))) * uint32(0x846CA68B))
    return uint32(h ^ (h >> uint32(16)))


@kernel
def dropout(args: int, thread: int, team: int) -> None:
    """x <- x m / (1 - ratio), in place: forward and backward alike.

    (x, samples, channels, space, number of the first sample, threshold, key of seed and path, control,
    scale). `channels` and `space` say where elements lie (channels last); a plain tensor has space 1.
    """
    a = words(args, 8)
    C, S = a[2], a[3]
    scale, threshold = float32(number(args, 8)), uint32(a[5])
    prefix = uint64(words(a[6], 1)[0])
    step = uint64(words(a[7], STEP + 1)[STEP])
    key = _mix64(uint64(prefix + _GOLDEN) ^ _mix64(uint64(step + _GOLDEN)))
    k0, k1 = uint32(key & uint64(0xFFFFFFFF)), uint32(key >> uint64(32))
    start, count = share(a[1] * S, 1, thread, team)
    for r in range(start, start + count):
        x = floats(a[0] + 4 * r * C, C)
        n, s = r // S, r % S
        base = uint32((a[4] + n) * C * S + s)
        for c in range(C):
            h = _mix32(uint32(_mix32(uint32(uint32(base + uint32(uint32(c) * uint32(S))) ^ k0)) ^ k1))
            x[c] *= scale if h >= threshold else ZERO
