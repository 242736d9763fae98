"""Store: the parameters of a program, how each lies in memory, and the chunks in which they are updated.

All parameters lie one after another; their gradients and the optimizer's slots lie in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import numpy as np

from koubai.core.params import Array, Shape
from koubai.engines.native.graph import Stored
from koubai.engines.native.instructions import Buffer, Region
from koubai.engines.native.kernels.block import record
from koubai.engines.native.kernels.update import CHUNK, FROZEN, PENALIZED, Chunk
from koubai.network.network import Network

_LINE = 16  # float32 numbers in a cache line


class Form(Protocol):
    """How one tensor is kept: `store` turns the logical array into flat memory, `load` turns it back."""

    @property
    def elements(self) -> int:
        """Elements in memory, with padding."""
        ...

    def store(self, logical: Array, memory: Array) -> None:
        """Write a logical array into memory."""
        ...

    def load(self, memory: Array) -> Array:
        """Return the logical array."""
        ...


@dataclass(frozen=True)
class Permuted:
    """The logical array, seen with shape `view`, with its axes in another order.

    C order is Permuted(shape, shape, (0, 1, ...)).
    """

    shape: Shape
    view: Shape
    axes: tuple[int, ...]

    @classmethod
    def plain(cls, shape: Shape) -> Permuted:
        """As it is."""
        return cls(tuple(shape), tuple(shape), tuple(range(len(shape))))

    @property
    def elements(self) -> int:
        """Elements."""
        return prod(self.shape)

    def store(self, logical: Array, memory: Array) -> None:
        """Write a logical array into memory."""
        ordered = logical.reshape(self.view).transpose(self.axes)
        memory[: self.elements].reshape(ordered.shape)[...] = ordered

    def load(self, memory: Array) -> Array:
        """Return the logical array."""
        ordered = memory[: self.elements].reshape([self.view[axis] for axis in self.axes])
        return np.array(ordered.transpose(np.argsort(self.axes)), order="C").reshape(self.shape)


class ParameterStore:
    """What all plans of a job agree on: the form and the place of every parameter."""

    def __init__(self, network: Network) -> None:
        self.forms: dict[str, Form] = {}
        self.kept_forms: dict[str, Permuted] = {}
        self._params: dict[str, tuple[Buffer, Buffer]] = {}
        self._kept: dict[str, Buffer] = {}
        self._shared: dict[tuple[str, int], Buffer] = {}
        self.shared_bytes: dict[str, int] = {}
        for path, spec in network.param_specs.items():
            self._params[path] = Buffer(0, Region.WEIGHTS), Buffer(0, Region.GRADIENTS)
            self.forms[path] = Permuted.plain(spec.shape)
        for path, buffer in network.buffer_specs.items():
            self.kept_forms[path] = Permuted.plain(buffer.shape)
            self._kept[path] = Buffer(4 * self.kept_forms[path].elements, Region.KEPT)
        self._penalized = {path: spec.penalized for path, spec in network.param_specs.items()}
        self._settled: set[str] = set()

    def settle(self, stored: Stored, choose: Callable[[], Form]) -> Form:
        """Return the form of a parameter; the first to ask chooses it."""
        if stored.path not in self._settled:
            self._settled.add(stored.path)
            self.forms[stored.path] = choose()
        return self.forms[stored.path]

    def weight(self, stored: Stored) -> Buffer:
        """Where a parameter or a kept buffer lies."""
        return self._params[stored.path][0] if stored.trained else self._kept[stored.path]

    def gradient(self, stored: Stored) -> Buffer:
        """Where its gradient lies, in every shard."""
        return self._params[stored.path][1]

    def shared(self, kind: str, number: int, nbytes: int) -> Buffer:
        """A buffer that all shards of one kind of plan share."""
        if (kind, number) not in self._shared:
            at = self.shared_bytes.get(kind, 0)
            self._shared[kind, number] = Buffer(nbytes, Region.SHARED, at)
            self.shared_bytes[kind] = at + -(-nbytes // 64) * 64
        return self._shared[kind, number]

    def close(self) -> None:
        """Give every parameter its place, now that all forms are chosen."""
        at = 0
        for path, buffers in self._params.items():
            elements = self.forms[path].elements
            for buffer in buffers:
                buffer.nbytes, buffer.offset = 4 * elements, 4 * at
            at += -(-elements // _LINE) * _LINE
        self.elements = at
        at = 0
        for buffer in self._kept.values():
            buffer.offset = 4 * at
            at += -(-buffer.nbytes // 64) * _LINE
        self.kept_elements = at

    def place(self, path: str) -> slice:
        """The elements of a parameter among all."""
        buffer = self._params[path][0]
        return slice(buffer.offset // 4, buffer.offset // 4 + self.forms[path].elements)

    def kept_place(self, path: str) -> slice:
        """The elements of a kept buffer among all."""
        at = self._kept[path].offset // 4
        return slice(at, at + self.kept_forms[path].elements)

    def chunks(self, frozen: Callable[[str], bool]) -> Array:
        """All chunks in order of memory; counts fill whole vectors."""
        rows = []
        for number, path in enumerate(self.forms):
            place = self.place(path)
            flags = PENALIZED * self._penalized[path] + FROZEN * frozen(path)
            starts = range(place.start, place.stop, CHUNK)
            stop = -(-place.stop // _LINE) * _LINE
            rows += [Chunk(at, min(CHUNK, stop - at), flags, number) for at in starts]
        return np.array(rows, record(Chunk))

    def bounds(self, slots: int) -> Array:
        """First chunk of each worker, and the end: shares of about equal size."""
        chunks = self.chunks(lambda path: False)
        ends = np.cumsum(chunks["size"]) if len(chunks) else np.zeros(0, np.int64)
        total = ends[-1] if len(ends) else 0
        inner = [int(np.searchsorted(ends, total * s / slots, side="left")) for s in range(1, slots)]
        return np.array([0, *inner, len(chunks)], np.int64)


def arrays(forms: dict[str, Any], places: Callable[[str], slice], memory: Array) -> dict[str, Array]:
    """Logical copies of everything in a stretch of memory, by path."""
    return {path: form.load(memory[places(path)]) for path, form in forms.items()}
