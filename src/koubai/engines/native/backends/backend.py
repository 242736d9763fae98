"""Backend: everything of a program that depends on which libraries a machine has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from koubai.core.params import Array
from koubai.engines.native.plan import Op


class Runner(Protocol):
    """Runs the shards of one kind of plan."""

    def fields(self) -> dict[str, int]:
        """The fields of a shard with which the loop calls libraries."""
        ...

    def run(self, shards: Array) -> None:
        """Run every shard (kernels/loop.py) to its end. The caller holds no GIL meanwhile."""
        ...

    def call(self, function: int, data: int) -> None:
        """Call a function that runs a single shard in another way (kernels/together.py)."""
        ...


class Backend(Protocol):
    """Products, and threads that fit to them.

    `has_bfloat16` says whether it has products of bfloat16 numbers, on processors that have them.
    """

    has_bfloat16: bool

    @property
    def name(self) -> str:
        """As KOUBAI_KERNELS names it."""
        ...

    @property
    def title(self) -> str:
        """What computes products, for listings, with versions."""
        ...

    @property
    def ops(self) -> Mapping[str, Op]:
        """The op of every verb."""
        ...

    def shards(self, threads: int, parameters: int) -> int:
        """How many shards pay for a network with so many parameters."""
        ...

    def team(self, threads: int) -> int:
        """How many threads a kernel may use where there is a single shard."""
        ...

    def compiling(self, team: int) -> None:
        """Get ready to plan for a team of that size."""
        ...

    def runner(self, shards: int, team: int) -> Runner:
        """What runs programs of so many shards or of a team."""
        ...
