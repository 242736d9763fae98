"""The numbers of koubai.core.random, drawn where they are used: the same hashes in PyTorch's whole numbers.

PyTorch computes little with unsigned numbers. Sums, products, `xor` and left shifts have the same bits in
signed ones; a right shift drags the sign along, which a mask takes off again.
"""

from __future__ import annotations

from typing import Any

import torch

from koubai.core.random import keep_threshold

_GOLDEN64 = 0x9E3779B97F4A7C15
Halves = tuple[Any, Any]
"""A 64-bit key: its lower and upper 32 bits as signed numbers, Python's or tensors ()."""


def signed32(bits: int) -> int:
    """Return the signed number with the lower 32 bits of another."""
    bits &= 0xFFFFFFFF
    return bits - (1 << 32) if bits >> 31 else bits


def halves(key: int) -> tuple[int, int]:
    """Return a 64-bit key as two signed halves, the lower one first."""
    return signed32(key), signed32(key >> 32)


def keep(key: Halves, shape: tuple[int, ...], ratio: float, start: int, device: torch.device) -> torch.Tensor:
    """Return `keep_mask` of koubai.core.random, bit for bit: (shape) bool."""
    k0, k1 = (_int32(half) for half in key)
    counter = torch.arange(torch.Size(shape).numel(), dtype=torch.int32, device=device)
    if start:
        counter += signed32(start)
    h = _mix32(_mix32(counter ^ k0) ^ k1)
    sign = signed32(1 << 31)  # brings the order of unsigned numbers to signed ones
    return ((h ^ sign) >= signed32(keep_threshold(ratio) ^ (1 << 31))).view(shape)


def drawn(key: Halves, count: int, n: int, device: torch.device) -> torch.Tensor:
    """Return `indices(key, 0, count, n)` of koubai.core.random: (count,) int64."""
    k0, k1 = (half.to(torch.int64) if isinstance(half, torch.Tensor) else half for half in key)
    counter = torch.arange(count, dtype=torch.int64, device=device)
    bits = _mix64(_mix64(counter * _signed64(_GOLDEN64)) ^ ((k1 << 32) | (k0 & 0xFFFFFFFF)))
    return (((bits >> 32) & 0xFFFFFFFF) * n) >> 32


def _int32(half: Any) -> Any:
    return half.to(torch.int32) if isinstance(half, torch.Tensor) else half


def _mix32(h: torch.Tensor) -> torch.Tensor:
    h = (h ^ ((h >> 16) & 0xFFFF)) * signed32(0x7FEB352D)
    h = (h ^ ((h >> 15) & 0x1FFFF)) * signed32(0x846CA68B)
    return h ^ ((h >> 16) & 0xFFFF)


def _mix64(x: torch.Tensor) -> torch.Tensor:
    x = (x ^ ((x >> 30) & ((1 << 34) - 1))) * _signed64(0xBF58476D1CE4E5B9)
    x = (x ^ ((x >> 27) & ((1 << 37) - 1))) * _signed64(0x94D049BB133111EB)
    return x ^ ((x >> 31) & ((1 << 33) - 1))


def _signed64(bits: int) -> int:
    return bits - (1 << 64) if bits >> 63 else bits
