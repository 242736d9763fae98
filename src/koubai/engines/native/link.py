"""Link: plans and memory become tables that the loop runs."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from koubai.core.params import Array
from koubai.engines.native.backends.backend import Backend
from koubai.engines.native.backends.onednn import primitives
from koubai.engines.native.blueprint import PlanSet
from koubai.engines.native.instructions import Argument, At, Buffer, Instruction, Named, Tensor
from koubai.engines.native.kernels import loop
from koubai.engines.native.kernels.block import addresses, flat, words
from koubai.engines.native.memory import Places

Names = Callable[[str, int], int]


@dataclass
class LinkedLane:
    """A table, and what must stay alive while it runs."""

    table: Array
    blocks: list[Array]
    memories: list[primitives.Memory]


class Linked:
    """One kind of plan, ready to run.

    It keeps no way back to its program: that would be a cycle, and a program's memory is to be free as soon
    as nobody holds it.
    """

    def __init__(self, plans: PlanSet, places: Places, names: Names, backend: Backend) -> None:
        self.plans, self.places = plans, places
        part = plans.plans[0].part
        self._beside: Linked | None = None
        self._runner = backend.runner(part.lanes, part.team)
        self.lanes = [self._lane(number, names) for number in range(len(plans.plans))]
        self._fill_words()

    @property
    def instructions(self) -> list[Instruction]:
        """The instructions of the first lane; those of the others differ in addresses."""
        return self.plans.plans[0].instructions

    @cached_property
    def returns(self) -> bool:
        """Whether some row needs Python."""
        return any(instruction.python for instruction in self.instructions)

    def address(self, buffer: Buffer, lane: int = 0) -> int:
        """Where a buffer lies."""
        return self.places.base(buffer.place, lane) + buffer.offset

    def _word(self, argument: Argument, lane: int, names: Names) -> int | float:
        if isinstance(argument, Named):
            control = argument.name == "control"
            return int(self.places.control[lane].ctypes.data) if control else names(argument.name, lane)
        if isinstance(argument, Tensor):
            return self.address(argument.buffer, lane)
        if isinstance(argument, At):
            return self.address(argument.buffer, lane) + argument.offset
        if isinstance(argument, Buffer):
            return self.address(argument, lane)
        return argument  # type: ignore[return-value]

    def _lane(self, number: int, names: Names) -> LinkedLane:
        linked = LinkedLane(np.zeros((0, 4), np.int64), [], [])
        rows = [self._row(i, number, linked, names) for i in self.plans.plans[number].instructions]
        linked.table = np.array(rows, np.int64).reshape(-1, 4)
        return linked

    def _row(
        self, instruction: Instruction, lane: int, linked: LinkedLane, names: Names
    ) -> tuple[int, int, int, int]:
        if instruction.primitive is not None:
            return self._primitive(instruction, lane, linked)
        if instruction.kernel is None:
            return instruction.kind, 0, 0, 0
        if hasattr(instruction.arguments, "_fields"):
            fields = [self._word(field, lane, names) for field in flat(instruction.arguments)]
            block = np.frombuffer(words(type(instruction.arguments)).pack(*fields), np.int64)
        else:
            block = np.zeros(max(1, len(instruction.arguments)), np.int64)
            for position, argument in enumerate(instruction.arguments):
                word = self._word(argument, lane, names)
                (block.view(np.float64) if isinstance(word, float) else block)[position] = word
        linked.blocks.append(block)
        return instruction.kind, instruction.kernel.address, len(block), block.ctypes.data

    def _primitive(
        self, instruction: Instruction, lane: int, linked: LinkedLane
    ) -> tuple[int, int, int, int]:
        pd = instruction.primitive
        assert pd is not None  # asked by the caller
        places = {
            name: (md, self.address(buffer, lane)) for name, (buffer, md) in instruction.memories.items()
        }
        if pd.scratch_bytes:
            places["scratch"] = pd.md("scratch", ()), self.places.scratch[lane].ctypes.data
        block = np.zeros(2 * len(places), np.int64)
        for position, (name, (md, address)) in enumerate(places.items()):
            memory = primitives.Memory(md, address)
            linked.memories.append(memory)
            block[2 * position : 2 * position + 2] = primitives.ARGUMENTS[name], memory.handle
        linked.blocks.append(block)
        return loop.LIBRARY, pd.primitive, len(places), block.ctypes.data

    def _fill_words(self) -> None:
        """Write into each lane's words what never changes."""
        functions = self._runner.words()
        parts = self.plans.loss_parts
        for lane, (plan, linked) in enumerate(zip(self.plans.plans, self.lanes, strict=True)):
            values = {
                **functions,
                "run": loop.run_address(),
                "table": linked.table.ctypes.data,
                "rows": len(linked.table),
                "team": plan.part.team,
                "lanes": plan.part.lanes,
                "lane": lane,
                "control": self.places.control[lane].ctypes.data,
                "batch": plan.part.batch,
                "first_sample": plan.part.first,
                "loss_parts": self.address(parts) if parts is not None else 0,
                "loss_part_count": plan.part.slots if parts is not None else 0,
            }
            for name, value in values.items():
                self.places.lanes[lane][name] = value

    def set(self, **values: int) -> None:
        """Write into every lane."""
        for name, value in values.items():
            self.places.lanes[name] = value

    def leave_sums(self, out: Array) -> None:
        """Let the taps of the n-th step from now leave what they take in out[n]: (steps, workers, ...)."""
        step, worker = out.strides[:2]
        self.set(sums_step=step, sums_stride=worker)
        for lane, plan in enumerate(self.plans.plans):
            self.places.lanes[lane]["sums"] = out.ctypes.data + worker * plan.part.slot

    def get(self, name: str) -> int:
        """Read a word of the first lane."""
        return int(self.places.lanes[0][name])

    def array(self, argument: Argument) -> Array:
        """A tensor (rows, features) or a buffer of float64 numbers of the only lane, as an array."""
        if isinstance(argument, Tensor):
            shape = (argument.layout.rows, argument.layout.features)
            return (
                _array_at(self.address(argument.buffer), 4 * argument.words).view(np.float32).reshape(shape)
            )
        assert isinstance(argument, Buffer)  # rows for Python name nothing else
        return _array_at(self.address(argument), argument.nbytes).view(np.float64)

    @contextmanager
    def beside(self, tapped: Linked, flags: Array) -> Iterator[None]:
        """Let flagged steps run on the lanes of `tapped`."""
        self.places.lanes["tapped"] = addresses(tapped.places.lanes)
        tapped.set(status=loop.DONE)
        self._beside = tapped
        self.set(flags=flags.ctypes.data, total=len(flags))
        try:
            yield
        finally:
            self.set(tapped=0)
            self._beside = None

    def failed(self) -> Linked:
        """The plan at whose row the last run failed: this one, or the one beside it."""
        beside = self._beside
        fails = beside is not None and (beside.places.lanes["status"] != loop.DONE).any()
        return beside if beside is not None and fails else self

    def run(self) -> int:
        """Run from where the words stand; return the status. The calling thread holds no GIL meanwhile."""
        self._runner.run(self.places.lanes)
        statuses = self.places.lanes["status"]
        return int(statuses[np.argmax(statuses != loop.DONE)])


def _array_at(address: int, nbytes: int) -> Array:
    return np.ctypeslib.as_array((ctypes.c_uint8 * nbytes).from_address(address))
