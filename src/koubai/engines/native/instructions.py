"""Instructions: the rows of a program before addresses, and the buffers and tensors they name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, NamedTuple, Protocol

import numpy as np

from koubai.core.errors import EngineError
from koubai.engines.native.graph import Node
from koubai.engines.native.kernels import loop
from koubai.engines.native.kernels.base import Kernel
from koubai.engines.native.kernels.block import Pointer, flat, packing
from koubai.engines.native.layout import Layout


class Region(StrEnum):
    """Where a buffer lies."""

    SHARD = "in a shard's arena, where it may share memory with others that live at another time"
    SHARED = "in memory that all shards of a program share"
    WEIGHTS = "with the parameters"
    GRADIENTS = "with their gradients"
    KEPT = "with the network's kept buffers"


@dataclass(eq=False)
class Buffer(Pointer):
    """Bytes somewhere; `offset` counts from the start of the region."""

    nbytes: int
    region: Region = Region.SHARD
    offset: int = 0

    def __add__(self, nbytes: int) -> Inside:
        return Inside(self, nbytes)


@dataclass(frozen=True)
class Inside(Pointer):
    """Some bytes into a buffer."""

    buffer: Buffer
    offset: int


@dataclass(eq=False)
class Tensor(Pointer):
    """Elements in a buffer."""

    buffer: Buffer
    layout: Layout

    @property
    def elements(self) -> int:
        """Elements, with padding."""
        return self.layout.elements


class Known(Pointer, Enum):
    """What a program has one of; its address is known when the program is linked."""

    CONTROL = "the shard's control block"
    INPUTS = "what the training inputs are (batch.Samples)"
    ASKED = "the same of inputs to predict"
    TARGETS = "the training targets"
    ANSWERS = "the address of what is predicted"
    WEIGHTS = "all parameters"
    GRADIENTS = "the gradients of the first shard"
    GRADIENT_STRIDE = "no address: bytes from one shard's gradients to the next's"
    SLOT_1 = "the optimizer's tensors; 0 where it has fewer"
    SLOT_2 = "the second"
    SLOT_3 = "the third"
    CHUNKS = "the chunks of all parameters"
    BOUNDS = "the first chunk of each worker"

    __hash__ = object.__hash__  # there is one of each; an Enum's own takes longer


@dataclass(frozen=True)
class DropoutKey(Pointer):
    """The key of the masks of the dropout at a path."""

    path: str


class Addresses(Protocol):
    """What a shard has where, once it is linked."""

    scratch: int

    def of(self, place: Pointer) -> int:
        """The address of a place."""
        ...


class Described(NamedTuple):
    """A row for a reader: what runs, what computes it, the layouts it reads and writes."""

    runs: str
    by: str
    layouts: str = ""


@dataclass(eq=False)
class Instruction(ABC):
    """One row of a program, before addresses: of which layer, in which part of a step, and why."""

    path: str
    role: str
    why: str = field(default="", kw_only=True)

    scratch_bytes = 0  # memory that it wants while it runs

    def buffers(self) -> list[Buffer]:
        """Every buffer it reads or writes."""
        return []

    @abstractmethod
    def describe(self) -> Described:
        """Say what it does."""

    @abstractmethod
    def encode(self, at: Addresses) -> tuple[loop.TableRow, list[object]]:
        """Return the row of the table, and what must stay alive while it runs."""


@dataclass(eq=False)
class Call(Instruction):
    """A kernel, run by all threads of the shard, or by one alone."""

    kernel: Kernel[Any]
    block: tuple[Any, ...]
    alone: bool = False

    def buffers(self) -> list[Buffer]:
        """Those its block names."""
        return _buffers(flat(self.block))

    def describe(self) -> Described:
        """The kernel, and the library that it calls, if it does."""
        by = f"kernel, {self.kernel.calls}" if self.kernel.calls else "kernel"
        return Described(self.kernel.name, by, _layouts(flat(self.block)))

    def encode(self, at: Addresses) -> tuple[loop.TableRow, list[object]]:
        """The block as numbers of 64 bits."""
        fields = [at.of(field) if isinstance(field, Pointer) else field for field in flat(self.block)]
        block = np.frombuffer(packing(type(self.block)).pack(*fields), np.int64)
        kind = loop.ALONE if self.alone else loop.KERNEL
        return loop.TableRow(kind, self.kernel.address, len(block), block.ctypes.data), [block]


class Library(Instruction):
    """A function of a library; its backend says which, and how the loop is to call it."""

    @abstractmethod
    def failure(self) -> EngineError:
        """Say that it failed."""


@dataclass(eq=False)
class Python(Instruction):
    """Return to Python, to do what `action` names, for a node if it is one's."""

    action: str
    node: Node | None
    tensors: tuple[Tensor | Buffer, ...]

    def buffers(self) -> list[Buffer]:
        """Those of its tensors."""
        return _buffers(self.tensors)

    def describe(self) -> Described:
        """The action."""
        return Described(self.action, "reference formula", _layouts(self.tensors))

    def encode(self, at: Addresses) -> tuple[loop.TableRow, list[object]]:
        """The program knows the rest."""
        return loop.TableRow(loop.PYTHON), []


class Barrier(Instruction):
    """All shards meet."""

    def describe(self) -> Described:
        """A barrier."""
        return Described("barrier", "loop")

    def encode(self, at: Addresses) -> tuple[loop.TableRow, list[object]]:
        """Nothing else."""
        return loop.TableRow(loop.BARRIER), []


class LossSum(Instruction):
    """The parts of the loss are added up."""

    def describe(self) -> Described:
        """The loss."""
        return Described("loss", "loop")

    def encode(self, at: Addresses) -> tuple[loop.TableRow, list[object]]:
        """Nothing else."""
        return loop.TableRow(loop.LOSS), []


def _buffers(fields: Any) -> list[Buffer]:
    found = [f.buffer if isinstance(f, Tensor | Inside) else f for f in fields]
    return [buffer for buffer in found if isinstance(buffer, Buffer)]


def _layouts(fields: Any) -> str:
    return joined(str(f.layout) for f in fields if isinstance(f, Tensor))


def joined(layouts: Iterable[str]) -> str:
    """Layouts in a line, none twice."""
    return ", ".join(dict.fromkeys(layouts))


@dataclass(frozen=True)
class BatchShard:
    """Which part of a batch a plan is for, and who runs it.

    | field  | meaning                                             |
    |--------|-----------------------------------------------------|
    | rows   | samples of this shard                               |
    | first  | number of its first sample in the batch             |
    | batch  | samples of all shards                               |
    | number | which shard it is, of `shards`                      |
    | team   | threads that run one kernel together                |
    """

    rows: int
    first: int
    batch: int
    number: int = 0
    shards: int = 1
    team: int = 1

    @property
    def worker(self) -> int:
        """Number of this shard's first worker among all."""
        return self.number * self.team

    @property
    def workers(self) -> int:
        """Number of workers."""
        return self.shards * self.team
