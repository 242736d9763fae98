"""Memory: the arrays of one program, and where the regions of its plans lie in them."""

from __future__ import annotations

import ctypes

import numpy as np

from koubai.core.params import Array
from koubai.data.levels import Inputs, Levels
from koubai.engines.engine import TrainingState
from koubai.engines.native.arena import allocate
from koubai.engines.native.blueprint import Blueprint, PlanSet
from koubai.engines.native.instructions import Buffer, Inside, Region, Tensor
from koubai.engines.native.kernels import batch
from koubai.engines.native.kernels.base import Control
from koubai.engines.native.kernels.block import Pointer, record
from koubai.engines.native.kernels.loop import Shard
from koubai.engines.native.store import arrays
from koubai.network.network import Weights

_RESERVE, _LEAST = 2, 2**20  # times the first plan's bytes, and this many more


class ProgramMemory:
    """Weights, gradients of every shard, slots, kept buffers; and for each kind of plan its arenas."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._store, self._slot_names = blueprint.store, blueprint.structure.slots
        self.elements = self._store.elements
        self.weights = self._floats(self.elements)
        self.gradients = self._floats(self.elements * blueprint.shards)
        self.slots = [self._floats(self.elements) for _ in self._slot_names]
        self.kept = self._floats(self._store.kept_elements)
        self._arenas: list[Array] = []

    @staticmethod
    def _floats(count: int) -> Array:
        return allocate(4 * count).view(np.float32)

    def state(self, step: int) -> TrainingState:
        """Return a copy of everything that changes while training, in logical layouts."""
        store = self._store
        weights = Weights(
            arrays(store.forms, store.place, self.weights),
            arrays(store.kept_forms, store.kept_place, self.kept),
        )
        slots = {
            f"{path}/{slot}": form.load(values[store.place(path)])
            for path, form in store.forms.items()
            for slot, values in zip(self._slot_names, self.slots, strict=True)
        }
        return TrainingState(step, weights, slots)

    def restore(self, state: TrainingState) -> None:
        """Hold a copy of `state`; slots it does not have become 0."""
        store = self._store
        for path, form in store.forms.items():
            place = store.place(path)
            form.store(np.asarray(state.weights.params[path], np.float32), self.weights[place])
            for slot, values in zip(self._slot_names, self.slots, strict=True):
                values[place] = 0
                if f"{path}/{slot}" in state.slots:
                    form.store(np.asarray(state.slots[f"{path}/{slot}"], np.float32), values[place])
        for path, kept in store.kept_forms.items():
            kept.store(np.asarray(state.weights.buffers[path], np.float32), self.kept[store.kept_place(path)])

    @property
    def gradient_stride(self) -> int:
        """Bytes from one shard's gradients to the next's."""
        return 4 * self.elements

    def arena(self, shard: int, nbytes: int) -> Array:
        """A shard's arena. Kinds of plans share it, as they never run at once: what one left is in the cache.

        The first to come reserves room for others, with taps, that need more; pages cost when touched.
        """
        while len(self._arenas) <= shard:
            self._arenas.append(allocate(_RESERVE * nbytes + _LEAST))
        fits = len(self._arenas[shard]) >= nbytes
        return self._arenas[shard] if fits else allocate(nbytes)

    @property
    def parameter_bytes(self) -> int:
        """Bytes held for parameters, kept buffers, gradients of every shard and slots."""
        held = [self.weights, self.gradients, *self.slots, self.kept]
        return sum(array.nbytes for array in held)


class HeldSamples:
    """Inputs where they lie, and the block that tells the kernel that draws them how."""

    def __init__(self) -> None:
        self.block = np.zeros(1, record(batch.SampleStore))

    def hold(self, x: Inputs) -> None:
        """Let these be the inputs from now on."""
        self._held = np.ascontiguousarray(x.codes if isinstance(x, Levels) else np.asarray(x, np.float32))
        way = (x.shift, x.width) if isinstance(x, Levels) else (0, 1)
        self.block[0] = batch.SampleStore(self._held.ctypes.data, isinstance(x, Levels), *way)

    def __len__(self) -> int:
        return len(self._held)


class Places:
    """Addresses for one kind of plan."""

    def __init__(self, memory: ProgramMemory, plans: PlanSet, shared_bytes: int) -> None:
        self._shared = allocate(shared_bytes)
        self._arenas = [memory.arena(shard, nbytes) for shard, nbytes in enumerate(plans.arena_bytes)]
        gradients = int(memory.gradients.ctypes.data)
        self.bases = [  # where each region begins for each shard
            {
                Region.SHARD: int(arena.ctypes.data),
                Region.SHARED: int(self._shared.ctypes.data),
                Region.WEIGHTS: int(memory.weights.ctypes.data),
                Region.GRADIENTS: gradients + shard * memory.gradient_stride,
                Region.KEPT: int(memory.kept.ctypes.data),
            }
            for shard, arena in enumerate(self._arenas)
        ]
        self.scratch = [allocate(plans.scratch_bytes) for _ in plans.plans]
        self.shards = np.zeros(len(plans.plans), record(Shard))
        self.control = [np.zeros(1, record(Control)) for _ in plans.plans]  # in cache lines of their own

    def address(self, place: Pointer, shard: int = 0) -> int:
        """Where a tensor or a buffer lies for a shard."""
        if isinstance(place, Inside):
            return self.address(place.buffer, shard) + place.offset
        buffer = place.buffer if isinstance(place, Tensor) else place
        assert isinstance(buffer, Buffer)  # there is nothing else in memory of ours
        return self.bases[shard][buffer.region] + buffer.offset


def array_at(address: int, nbytes: int) -> Array:
    """The bytes at an address."""
    return np.ctypeslib.as_array((ctypes.c_uint8 * nbytes).from_address(address))
