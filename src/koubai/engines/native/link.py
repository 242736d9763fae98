"""Link: plans and memory become tables that the loop runs."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TypeAlias, TypeVar

import numpy as np

from koubai.core.errors import EngineError
from koubai.core.params import Array
from koubai.engines.native.backends.backend import Backend
from koubai.engines.native.blueprint import PlanSet
from koubai.engines.native.first_layer import FirstLayer
from koubai.engines.native.instructions import (
    Addresses,
    Buffer,
    DropoutKey,
    Instruction,
    Known,
    Library,
    Python,
    Tensor,
)
from koubai.engines.native.kernels import loop
from koubai.engines.native.kernels.block import Pointer, addresses, record
from koubai.engines.native.memory import Places, array_at

T = TypeVar("T")
Running: TypeAlias = "Generator[Linked, None, T]"
"""Work that hands over each plan that is to be run, and goes on once it was."""


class LinkedShard:
    """A shard's table, and what must stay alive while it runs."""

    def __init__(self, instructions: list[Instruction], at: Addresses) -> None:
        rows = [instruction.encode(at) for instruction in instructions]
        self.table = np.array([row for row, _ in rows], record(loop.TableRow))
        self._held = [held for _, held in rows]


class _Addresses:
    """Where a shard has what."""

    def __init__(self, places: Places, shard: int, known: Mapping[Pointer, int]) -> None:
        self._places, self._shard = places, shard
        self._known = {**known, Known.CONTROL: int(places.control[shard].ctypes.data)}
        self.scratch = int(places.scratch[shard].ctypes.data)

    def of(self, place: Pointer) -> int:
        """The address of a place."""
        if isinstance(place, Known | DropoutKey):
            return self._known[place]
        return self._places.address(place, self._shard)


class Linked:
    """One kind of plan, ready to run.

    It keeps no way back to its program: that would be a cycle, and a program's memory is to be free as soon
    as nobody holds it.
    """

    def __init__(
        self, plans: PlanSet, places: Places, known: Mapping[Pointer, int], backend: Backend
    ) -> None:
        self.plans, self.places = plans, places
        shard = plans.plans[0].shard
        self._beside: Linked | None = None
        self.indices, self.flags = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._runner = backend.runner(shard.shards, shard.team)
        self.shards = [
            LinkedShard(plan.instructions, _Addresses(places, shard, known))
            for shard, plan in enumerate(plans.plans)
        ]
        self._fill_fields()

    @property
    def instructions(self) -> list[Instruction]:
        """The instructions of the first shard; those of the others differ in addresses."""
        return self.plans.plans[0].instructions

    @cached_property
    def returns(self) -> bool:
        """Whether some row needs Python."""
        return any(isinstance(instruction, Python) for instruction in self.instructions)

    def _fill_fields(self) -> None:
        """Write into each shard's fields what never changes."""
        functions = self._runner.fields()
        parts = self.plans.loss_parts
        for shard, (plan, linked) in enumerate(zip(self.plans.plans, self.shards, strict=True)):
            values = {
                **functions,
                "run": loop.run_address(),
                "table": linked.table.ctypes.data,
                "rows": len(linked.table),
                "team": plan.shard.team,
                "shards": plan.shard.shards,
                "shard": shard,
                "control": self.places.control[shard].ctypes.data,
                "batch": plan.shard.batch,
                "first_sample": plan.shard.first,
                "loss_parts": self.places.address(parts) if parts is not None else 0,
                "loss_part_count": plan.shard.workers if parts is not None else 0,
            }
            for name, value in values.items():
                self.places.shards[shard][name] = value

    def set(self, **values: int) -> None:
        """Write into every shard."""
        for name, value in values.items():
            self.places.shards[name] = value

    def stand(
        self, first: int, indices: Array, table: Array | None = None, losses: Array | None = None
    ) -> None:
        """Stand before the first of some steps, which has number `first`; `table` has the rates of each."""
        steps = len(indices)
        self.set(
            step=0, row=0, first_step=first, steps=steps, total=steps, indices=indices.ctypes.data, ticks=0
        )
        if table is not None and losses is not None:
            self.set(rates=table.ctypes.data, rate_stride=table.itemsize, losses=losses.ctypes.data)
        self.indices = indices

    def leave_sums(self, out: Array) -> None:
        """Let the taps of the n-th step from now leave what they take in out[n]: (steps, workers, ...)."""
        step, worker = out.strides[:2]
        self.set(sums_step=step, sums_stride=worker)
        for shard, plan in enumerate(self.plans.plans):
            self.places.shards[shard]["sums"] = out.ctypes.data + worker * plan.shard.worker

    def get(self, name: str) -> int:
        """Read a field of the first shard."""
        return int(self.places.shards[0][name])

    def array(self, tensor: Tensor | Buffer) -> Array:
        """A tensor (rows, features) or a buffer of float64 numbers of the only shard, as an array."""
        address = self.places.address(tensor)
        if isinstance(tensor, Buffer):
            return array_at(address, tensor.nbytes).view(np.float64)
        shape = (tensor.layout.rows, tensor.layout.features)
        return array_at(address, 4 * tensor.elements).view(np.float32).reshape(shape)

    @contextmanager
    def beside(self, tapped: Linked, flags: Array) -> Iterator[None]:
        """Let flagged steps run on the shards of `tapped`."""
        self.places.shards["tapped"] = addresses(tapped.places.shards)
        tapped.set(status=loop.DONE)
        self._beside, self.flags = tapped, flags
        self.set(flags=flags.ctypes.data, total=len(flags))
        try:
            yield
        finally:
            self.set(tapped=0)
            self._beside, self.flags = None, np.zeros(0, np.int64)

    def failure(self, status: int) -> EngineError:
        """Why the last run ended with this status."""
        if status == loop.SHORT_TEAM:
            return EngineError("openmp_gave_fewer_threads", expected=len(self.shards))
        failed = self.failed()
        instruction = failed.instructions[failed.get("row")]
        assert isinstance(instruction, Library)  # nothing else fails
        return instruction.failure()

    def failed(self) -> Linked:
        """The plan at whose row the last run failed: this one, or the one beside it."""
        beside = self._beside
        fails = beside is not None and (beside.places.shards["status"] != loop.DONE).any()
        return beside if beside is not None and fails else self

    def run(self) -> Running[int]:
        """Have it run from where the fields stand; return the status."""
        yield self
        statuses = self.places.shards["status"]
        return int(statuses[np.argmax(statuses != loop.DONE)])

    @cached_property
    def first_layer(self) -> FirstLayer | None:
        """The first layer, if it can take x together with those of other programs."""
        shard, table = self.plans.plans[0].shard, self.shards[0].table
        return None if self.returns else FirstLayer.of(shard, self.instructions, table)

    def run_shards(self) -> None:
        """Run it. The calling thread holds no GIL meanwhile."""
        self._runner.run(self.places.shards)

    def run_instead(self, function: int, data: int) -> None:
        """Call what runs it, the only shard, together with others."""
        self._runner.call(function, data)
