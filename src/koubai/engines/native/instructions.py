"""Instructions: the rows of a program before addresses, and the buffers and tensors they name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from koubai.engines.native.backends.onednn.primitives import MD, PD
from koubai.engines.native.graph import Node
from koubai.engines.native.kernels.base import Kernel
from koubai.engines.native.kernels.block import Place, flat
from koubai.engines.native.layout import Layout

# Where a buffer lies: in a lane's arena, where it may share memory with others that live at another time; in
# memory that all lanes of a program share; or with the parameters, with their gradients, with the network's
# kept buffers.
LANE, SHARED, WEIGHTS, GRADIENTS, KEPT = "lane", "shared", "weights", "gradients", "kept"


@dataclass(eq=False)
class Buffer(Place):
    """Bytes somewhere; `offset` counts from the start of the place."""

    nbytes: int
    place: str = LANE
    offset: int = 0

    def __add__(self, nbytes: int) -> At:
        return At(self, nbytes)


@dataclass(eq=False)
class Tensor(Place):
    """Elements in a buffer."""

    buffer: Buffer
    layout: Layout

    @property
    def words(self) -> int:
        """Elements, with padding."""
        return self.layout.words


@dataclass(frozen=True)
class Named(Place):
    """An address known when the program is linked: `control`, `weights`, `slot 0` ..."""

    name: str


@dataclass(frozen=True)
class At(Place):
    """Some bytes into a buffer."""

    buffer: Buffer
    offset: int


Argument = int | float | Place


@dataclass(eq=False)
class Instruction:
    """One row of a program, before addresses."""

    kind: int
    path: str
    role: str
    kernel: Kernel | None = None
    arguments: tuple[Any, ...] = ()
    primitive: PD | None = None
    memories: dict[str, tuple[Buffer, MD]] = field(default_factory=dict)
    python: tuple[str, Node | None] | None = None  # what to do, and for which node
    why: str = ""

    def buffers(self) -> list[Buffer]:
        """Every buffer it reads or writes."""
        named = [a.buffer if isinstance(a, Tensor | At) else a for a in flat(self.arguments)]
        return [
            *(a for a in named if isinstance(a, Buffer)),
            *(buffer for buffer, _ in self.memories.values()),
        ]


@dataclass(frozen=True)
class Part:
    """Which part of a batch a plan is for, and who runs it.

    | field  | meaning                                             |
    |--------|-----------------------------------------------------|
    | rows   | samples of this lane                                |
    | first  | number of its first sample in the batch             |
    | batch  | samples of all lanes                                |
    | lane   | which lane it is, of `lanes`                        |
    | team   | threads that run one kernel together                |
    """

    rows: int
    first: int
    batch: int
    lane: int = 0
    lanes: int = 1
    team: int = 1

    @property
    def slot(self) -> int:
        """Number of this lane's first worker among all."""
        return self.lane * self.team

    @property
    def slots(self) -> int:
        """Number of workers."""
        return self.lanes * self.team
