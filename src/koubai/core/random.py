"""Randomness as a function of (seed, purpose, step): no hidden state, the same in every engine.

Every random number of a run is addressed, never drawn in sequence. Sample order and dropout masks of
step t can be computed without the steps before it, so a run resumes, forks and compares bit for bit.

Sources: the 64-bit finalizer is that of SplitMix (Steele, Lea, Flood 2014, "Fast splittable pseudorandom
number generators"); the 32-bit one is the two-multiply bias-minimized hash of Wellons ("Prospecting for
hash functions", 2018), applied twice with a key before each round.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

_MASK64 = (1 << 64) - 1
_GOLDEN64 = 0x9E3779B97F4A7C15


def mix64(x: int) -> int:
    """Scramble 64 bits (the SplitMix64 finalizer)."""
    x &= _MASK64
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK64
    return x ^ (x >> 31)


def key(seed: int, *purpose: int | str) -> int:
    """Return a 64-bit key for a purpose, such as (seed, "dropout", "3", step).

    >>> key(0, "order", 1) == key(0, "order", 1), key(0, "order", 1) == key(0, "order", 2)
    (True, False)
    """
    state = mix64(seed + _GOLDEN64)
    for part in purpose:
        number = zlib.crc32(part.encode()) + (1 << 32) if isinstance(part, str) else part
        state = mix64((state + _GOLDEN64) ^ mix64(number + _GOLDEN64))
    return state


def generator(seed: int, *purpose: int | str) -> np.random.Generator:
    """Return a NumPy generator for a purpose; used for initial weights and synthetic data."""
    return np.random.Generator(np.random.Philox(key=key(seed, *purpose)))


def _mix64_array(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def uint64s(stream_key: int, start: int, count: int) -> NDArray[np.uint64]:
    """Return numbers `start .. start + count` (64 random bits each) of a key's stream."""
    counter = np.arange(start, start + count, dtype=np.uint64)
    with np.errstate(over="ignore"):
        return _mix64_array(_mix64_array(counter * np.uint64(_GOLDEN64)) ^ np.uint64(stream_key))


def indices(order_key: int, start: int, count: int, n: int) -> NDArray[np.int64]:
    """Return `count` numbers in [0, n), drawn with replacement; the bias is below n / 2**32.

    Uses the upper 32 bits of each number by multiply and shift (Lemire 2019).
    """
    upper = uint64s(order_key, start, count) >> np.uint64(32)
    return ((upper * np.uint64(n)) >> np.uint64(32)).astype(np.int64)


def permutation(order_key: int, n: int) -> NDArray[np.int64]:
    """Return a permutation of 0 .. n-1 that depends on the key alone."""
    return np.argsort(uint64s(order_key, 0, n), kind="stable").astype(np.int64)


def _mix32(h: NDArray[np.uint32]) -> NDArray[np.uint32]:
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x7FEB352D)
    h = (h ^ (h >> np.uint32(15))) * np.uint32(0x846CA68B)
    return h ^ (h >> np.uint32(16))


def keep_threshold(ratio: float) -> int:
    """Return the 32-bit threshold below which an element is dropped with probability `ratio`."""
    return min(round(ratio * 2**32), 2**32 - 1)


def keep_mask(mask_key: int, shape: tuple[int, ...], ratio: float, start: int = 0) -> NDArray[np.bool_]:
    """Return the dropout mask (True = kept) of a tensor of `shape`; element i is the i-th in C order.

    The tensor may be the rows from element `start` on of a larger one.

    h(i) = mix32(mix32(i xor k0) xor k1) >= ratio * 2**32, with k0, k1 the halves of the key.
    """
    count = int(np.prod(shape))
    k0, k1 = np.uint32(mask_key & 0xFFFFFFFF), np.uint32(mask_key >> 32)
    with np.errstate(over="ignore"):
        counter = np.arange(count, dtype=np.uint32) + np.uint32(start & 0xFFFFFFFF)
        h = _mix32(_mix32(counter ^ k0) ^ k1)
    return (h >= np.uint32(keep_threshold(ratio))).reshape(shape)
