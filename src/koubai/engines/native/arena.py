"""Arena: buffers of a shard share memory where their lives do not overlap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from koubai.core.params import Array
from koubai.engines.native.instructions import Buffer, Instruction, Region

_LINE, _PAGE = 64, 4096


def assign(instructions: Sequence[Instruction]) -> int:
    """Give every buffer of the shard's arena its offset; return the size of the arena in bytes.

    A buffer lives from the first instruction that touches it to the last. The largest are placed first, each
    at the lowest place that is free for all of its life.
    """
    lives: dict[Buffer, list[int]] = {}
    for number, instruction in enumerate(instructions):
        for buffer in instruction.buffers():
            if buffer.region is Region.SHARD:
                lives.setdefault(buffer, [number, number])[1] = number
    placed: list[tuple[Buffer, int, int]] = []
    for buffer, (first, last) in sorted(lives.items(), key=lambda item: (-item[0].nbytes, item[1])):
        size = _padded(buffer)
        at = 0
        neighbors = [other for other, start, stop in placed if start <= last and first <= stop]
        for other in sorted(neighbors, key=lambda other: other.offset):
            if at + size <= other.offset:
                break
            at = max(at, other.offset + _padded(other))
        buffer.offset = at
        placed.append((buffer, first, last))
    return max((buffer.offset + _padded(buffer) for buffer, _, _ in placed), default=0)


def total(instructions: Sequence[Instruction]) -> int:
    """Bytes that all buffers of the arena would take without sharing."""
    buffers = {buffer for i in instructions for buffer in i.buffers() if buffer.region is Region.SHARD}
    return sum(_padded(buffer) for buffer in buffers)


def _padded(buffer: Buffer) -> int:
    return max(_LINE, -(-buffer.nbytes // _LINE) * _LINE)


def allocate(nbytes: int) -> Array:
    """Zeroed bytes that start at a page."""
    raw = np.zeros(nbytes + _PAGE, np.uint8)
    start = -raw.ctypes.data % _PAGE
    return raw[start : start + nbytes]
