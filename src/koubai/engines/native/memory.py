"""Memory: the arrays of one program, and where the places of its plans lie in them."""

from __future__ import annotations

import numpy as np

from koubai.core.params import Array
from koubai.data.levels import Inputs, Levels
from koubai.engines.native.arena import allocate
from koubai.engines.native.blueprint import Blueprint, PlanSet
from koubai.engines.native.instructions import GRADIENTS, KEPT, LANE, SHARED, WEIGHTS
from koubai.engines.native.kernels.batch import SAMPLE_WORDS, SHIFT, WIDTH
from koubai.engines.native.kernels.loop import LANE_WORDS


class Memory:
    """Weights, gradients of every lane, slots, kept buffers; and for each kind of plan its arenas."""

    def __init__(self, blueprint: Blueprint, lanes: int) -> None:
        self.words = blueprint.store.words
        self.weights = self._floats(self.words)
        self.gradients = self._floats(self.words * lanes)
        self.slots = [self._floats(self.words) for _ in blueprint.structure.slots]
        self.kept = self._floats(blueprint.store.kept_words)
        self._arenas: list[Array] = []

    @staticmethod
    def _floats(count: int) -> Array:
        return allocate(4 * count).view(np.float32)

    @property
    def gradient_stride(self) -> int:
        """Bytes from one lane's gradients to the next's."""
        return 4 * self.words

    def arena(self, lane: int, nbytes: int) -> Array:
        """A lane's arena; kinds of plans that never run at once share it where it is large enough."""
        while len(self._arenas) <= lane:
            self._arenas.append(allocate(0))
        if len(self._arenas[lane]) >= nbytes:
            return self._arenas[lane]
        fresh = allocate(nbytes)
        if not len(self._arenas[lane]):
            self._arenas[lane] = fresh
        return fresh

    @property
    def parameter_bytes(self) -> int:
        """Bytes held for parameters, kept buffers, gradients of every lane and slots."""
        held = [self.weights, self.gradients, *self.slots, self.kept]
        return sum(array.nbytes for array in held)


class Samples:
    """Inputs where they lie, and the words that tell the kernel that draws them how to."""

    def __init__(self) -> None:
        self.words = np.zeros(SAMPLE_WORDS, np.int64)

    def hold(self, x: Inputs) -> None:
        """Let these be the inputs from now on."""
        self._held = x.codes if isinstance(x, Levels) else np.ascontiguousarray(x, np.float32)
        way = (x.shift, x.width) if isinstance(x, Levels) else (0, 1)
        self.words[:] = self._held.ctypes.data, isinstance(x, Levels), 0, 0
        self.words.view(np.float64)[[SHIFT, WIDTH]] = way

    def __len__(self) -> int:
        return len(self._held)


class Places:
    """Addresses for one kind of plan."""

    def __init__(self, memory: Memory, plans: PlanSet, shared_bytes: int) -> None:
        self._memory = memory
        self._shared = allocate(shared_bytes)
        self._arenas = [memory.arena(lane, nbytes) for lane, nbytes in enumerate(plans.arena_bytes)]
        self.scratch = [allocate(plans.scratch_bytes) for _ in plans.plans]
        self.lane_words = np.zeros((len(plans.plans), LANE_WORDS), np.int64)
        self.control = np.zeros((len(plans.plans), 8), np.int64)

    def base(self, place: str, lane: int) -> int:
        """Address at which a place begins for a lane."""
        memory = self._memory
        arrays = {
            LANE: lambda: self._arenas[lane].ctypes.data,
            SHARED: lambda: self._shared.ctypes.data,
            WEIGHTS: lambda: memory.weights.ctypes.data,
            GRADIENTS: lambda: memory.gradients.ctypes.data + lane * memory.gradient_stride,
            KEPT: lambda: memory.kept.ctypes.data,
        }
        return int(arrays[place]())
