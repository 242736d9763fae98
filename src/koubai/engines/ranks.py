"""Ranks: the processes that train one run together, each on its share of every batch."""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T")


class Ranks:
    """One process alone; `koubai.engines.torch.ranks` has those that torchrun starts.

    All ranks make the same calls in the same order: whoever calls waits for the others.

    | attribute | meaning                              |
    |-----------|--------------------------------------|
    | rank      | the number of this process, from 0   |
    | size      | how many processes there are         |
    """

    rank: int = 0
    size: int = 1

    def gather(self, value: T) -> list[T]:
        """Return what every rank gave, by rank."""
        return [value]

    def first(self, value: T) -> T:
        """Return what rank 0 gave."""
        return value

    def add(self, tensor: Any) -> None:
        """Replace a tensor by its sum over the ranks; the same bits in each of them."""

    def rows(self, n: int) -> slice:
        """Return which of n rows are this rank's; shares differ by one row at most."""
        return slice(self.rank * n // self.size, (self.rank + 1) * n // self.size)


ALONE = Ranks()
