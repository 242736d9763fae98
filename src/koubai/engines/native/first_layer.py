"""The first layer of a plan, where it can take x together with the first layers of other plans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from koubai.core.params import Array
from koubai.engines.native.instructions import BatchShard, Call, Instruction
from koubai.engines.native.kernels import batch, linear, tiles
from koubai.engines.native.kernels.simd import LANES
from koubai.engines.native.kernels.strips import ROWS
from koubai.engines.native.memory import array_at

_OF_X = [batch.draw_inputs, linear.linear, linear.linear_weights]  # all that may touch x, in order


class Product(NamedTuple):
    """A block of `Linear`, linked."""

    x: int
    weight: int
    bias: int
    y: int
    rows: int
    F: int
    G: int


@dataclass(frozen=True)
class FirstLayer:
    """Its rows behind the one that draws x, what their kernels are given, and where x comes from."""

    rows: tuple[int, ...]
    blocks: tuple[Product, ...]
    samples: int

    @classmethod
    def of(cls, shard: BatchShard, instructions: Sequence[Instruction], table: Array) -> FirstLayer | None:
        """Return that of a plan of one shard and one thread; None where it is another kind of layer."""
        draw = instructions[0]
        if (shard.shards, shard.team) != (1, 1) or not tiles.HAVE_WIDE_REGISTERS:
            return None
        if not isinstance(draw, Call) or draw.kernel is not batch.draw_inputs:
            return None
        x = draw.block[batch.Rows._fields.index("target")].buffer
        rows = [number for number, row in enumerate(instructions) if x in row.buffers()]
        touching = [instructions[number] for number in rows]
        if [row.kernel if isinstance(row, Call) else None for row in touching] != _OF_X[: len(rows)]:
            return None
        source, target, *_ = _numbers(table[0]["arguments"], len(batch.Rows._fields))
        blocks = tuple(Product(*_numbers(table[row]["arguments"], len(Product._fields))) for row in rows[1:])
        if not blocks or any(b.x != target or b.G < LANES or b.F < ROWS for b in blocks):
            return None
        return cls(tuple(rows[1:]), blocks, source)

    @property
    def kind(self) -> tuple[int, ...]:
        """What x is, and the sizes: equal where plans can run as one."""
        b = self.blocks[0]
        samples = _numbers(self.samples, len(batch.SampleStore._fields))
        return *samples, len(self.blocks), b.rows, b.F, b.G, b.bias != 0


def _numbers(address: int, count: int) -> list[int]:
    """So many whole numbers at an address; of float64 numbers, their bits."""
    return [int(number) for number in array_at(int(address), 8 * count).view(np.int64)]
