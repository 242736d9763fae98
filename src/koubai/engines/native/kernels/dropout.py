"""Dropout with the masks of koubai.core.random, element by element, without storing them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float32, uint32, uint64

from koubai.engines.native.kernels.base import STEP, floats, halves, inline, kernel, number, share, words
from koubai.engines.native.kernels.functions import ZERO
from koubai.engines.native.kernels.half import narrow, widen

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


@inline
def _keep(args: int, thread: int, team: int) -> Any:
    """What all elements share: the arguments, (k0, k1), the threshold, the rows of this thread."""
    a = words(args, 8)
    prefix = uint64(words(a[6], 1)[0])
    step = uint64(words(a[7], STEP + 1)[STEP])
    key = _mix64(uint64(prefix + _GOLDEN) ^ _mix64(uint64(step + _GOLDEN)))
    start, count = share(a[1] * a[3], 1, thread, team)
    return a, uint32(key & uint64(0xFFFFFFFF)), uint32(key >> uint64(32)), uint32(a[5]), start, count


@inline
def _hash(base: int, c: int, S: int, k0: int, k1: int) -> int:
    """The random word of element base + c S."""
    number = uint32(base + uint32(uint32(c) * uint32(S)))
    return _mix32(uint32(_mix32(uint32(number ^ k0)) ^ k1))


@kernel
def dropout(args: int, thread: int, team: int) -> None:
    """x <- x m / (1 - ratio), in place: forward and backward alike.

    (x, samples, channels, space, number of the first sample, threshold, key of seed and path, control,
    scale). `channels` and `space` say where elements lie (channels last); a plain tensor has space 1.
    """
    a, k0, k1, threshold, start, count = _keep(args, thread, team)
    C, S, scale = a[2], a[3], float32(number(args, 8))
    for r in range(start, start + count):
        x = floats(a[0] + 4 * r * C, C)
        base = uint32((a[4] + r // S) * C * S + r % S)
        for c in range(C):
            x[c] *= scale if _hash(base, c, S, k0, k1) >= threshold else ZERO


@kernel
def dropout_half(args: int, thread: int, team: int) -> None:
    """The same for bfloat16."""
    a, k0, k1, threshold, start, count = _keep(args, thread, team)
    C, S, scale = a[2], a[3], float32(number(args, 8))
    for r in range(start, start + count):
        x = halves(a[0] + 2 * r * C, C)
        base = uint32((a[4] + r // S) * C * S + r % S)
        for c in range(C):
            factor = scale if _hash(base, c, S, k0, k1) >= threshold else ZERO
            x[c] = narrow(widen(x[c]) * factor)
