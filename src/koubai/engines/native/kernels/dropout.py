"""Dropout with the masks of koubai.core.random, element by element, without storing them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import float32, uint32, uint64

from koubai.engines.native.kernels.base import Control, floats, halves, inline, integers, kernel, share
from koubai.engines.native.kernels.block import Address, block_at
from koubai.engines.native.kernels.functions import ZERO
from koubai.engines.native.kernels.half import narrow, widen

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_A, _B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


class Dropout(NamedTuple):
    """x (samples, S, C); a plain tensor has S = 1."""

    x: Address
    samples: int
    C: int
    S: int
    first: int  # number of the first sample in the batch
    threshold: int
    key: Address  # of seed and path
    control: Address
    scale: float


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
def _keep(b: Dropout, thread: int, team: int) -> Any:
    """What all elements share: (k0, k1), the threshold, the rows of this thread."""
    prefix, step = uint64(integers(b.key, 1)[0]), uint64(block_at(b.control, Control).step)
    key = _mix64(uint64(prefix + _GOLDEN) ^ _mix64(uint64(step + _GOLDEN)))
    start, count = share(b.samples * b.S, 1, thread, team)
    return uint32(key & uint64(0xFFFFFFFF)), uint32(key >> uint64(32)), uint32(b.threshold), start, count


@inline
def _hash(base: int, c: int, S: int, k0: int, k1: int) -> int:
    """The random bits of element base + c S."""
    number = uint32(base + uint32(uint32(c) * uint32(S)))
    return _mix32(uint32(_mix32(uint32(number ^ k0)) ^ k1))


@kernel
def dropout(b: Dropout, thread: int, team: int) -> None:
    """x <- x m / (1 - ratio), in place: forward and backward alike."""
    k0, k1, threshold, start, count = _keep(b, thread, team)
    C, S, scale = b.C, b.S, float32(b.scale)
    for r in range(start, start + count):
        x = floats(b.x + 4 * r * C, C)
        base = uint32((b.first + r // S) * C * S + r % S)
        for c in range(C):
            x[c] *= scale if _hash(base, c, S, k0, k1) >= threshold else ZERO


@kernel
def dropout_half(b: Dropout, thread: int, team: int) -> None:
    """The same for bfloat16."""
    k0, k1, threshold, start, count = _keep(b, thread, team)
    C, S, scale = b.C, b.S, float32(b.scale)
    for r in range(start, start + count):
        x = halves(b.x + 2 * r * C, C)
        base = uint32((b.first + r // S) * C * S + r % S)
        for c in range(C):
            factor = scale if _hash(base, c, S, k0, k1) >= threshold else ZERO
            x[c] = narrow(widen(x[c]) * factor)
