"""A primitive of oneDNN as a row of a program."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.core.errors import EngineError
from koubai.engines.native.backends.onednn import primitives
from koubai.engines.native.backends.onednn.primitives import MD, PD
from koubai.engines.native.instructions import Addresses, Buffer, Described, Library, Tensor, joined
from koubai.engines.native.kernels import loop
from koubai.engines.native.plan import ShardPlan


@dataclass(eq=False)
class Execute(Library):
    """A primitive, and its arguments by name."""

    primitive: PD
    memories: dict[str, tuple[Buffer, MD]]

    @property
    def scratch_bytes(self) -> int:  # type: ignore[override]  # known by the primitive
        """Memory that the primitive wants."""
        return self.primitive.scratch_bytes

    def buffers(self) -> list[Buffer]:
        """Those of its arguments."""
        return [buffer for buffer, _ in self.memories.values()]

    def describe(self) -> Described:
        """The primitive, its implementation, the layouts of its arguments."""
        pd = self.primitive
        names = [md.describe() for name, (_, md) in self.memories.items() if "bias" not in name]
        layouts = " to ".join(names[:2]) if pd.kind == "reorder" else joined(names)
        return Described(pd.kind, f"oneDNN {pd.implementation}", layouts)

    def encode(self, at: Addresses) -> tuple[loop.TableRow, list[object]]:
        """Pairs of an argument's number and its memory."""
        pd = self.primitive
        places = {name: (md, at.of(buffer)) for name, (buffer, md) in self.memories.items()}
        if pd.scratch_bytes:
            places["scratch"] = pd.md("scratch", ()), at.scratch
        block = np.zeros((len(places), 2), np.int64)
        memories = [primitives.Memory(md, address) for md, address in places.values()]
        for row, name, memory in zip(block, places, memories, strict=True):
            row[:] = primitives.ARGUMENTS[name], memory.handle
        return loop.TableRow(loop.LIBRARY, pd.primitive, len(places), block.ctypes.data), [block, *memories]

    def failure(self) -> EngineError:
        """Name the primitive and the layer."""
        return EngineError("onednn_failed", kind=self.primitive.kind, where=self.path or None)


def execute(plan: ShardPlan, primitive: PD, why: str = "", /, **memories: tuple[Tensor | Buffer, MD]) -> None:
    """Emit a primitive with its arguments by name."""
    places = {
        name: (where.buffer if isinstance(where, Tensor) else where, md)
        for name, (where, md) in memories.items()
    }
    plan.emit(Execute(plan.path, plan.role, primitive, places, why=why))
