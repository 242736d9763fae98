"""A history that lies elsewhere, and what of it is at hand all the same.

Ten thousand histories are too much for memory. What is asked of all of them is little: which columns there
are, their first numbers, and the scores of the whole run, of which there are as many as evaluations. That
stays; the rest is read again from where it lies when somebody asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from koubai.core.params import Array
from koubai.probes.column import Column
from koubai.probes.packed import ColumnName, Packed, places, same

_SHORT = 64  # numbers of a column of the whole run that stay at hand


@dataclass(frozen=True, eq=False)
class Held:
    """Columns that `read` brings.

    | field  | meaning                                                          |
    |--------|------------------------------------------------------------------|
    | names  | as `Packed` has them                                             |
    | counts | numbers in a column of each table                                |
    | firsts | the number of the earliest step of each column, NaN without one  |
    | near   | columns of the whole run that are short: (steps, values)         |
    """

    names: tuple[tuple[str, str, int], ...]
    counts: tuple[int, ...]
    firsts: Array
    near: Mapping[ColumnName, tuple[Array, Array]]
    read: Callable[[], Packed]

    @staticmethod
    def of(tables: Packed, read: Callable[[], Packed]) -> Held:
        """Return what stays of some tables that `read` brings again."""
        steps = [np.cumsum(differences, dtype=np.int64) for differences in tables.steps]
        earliest = [int(at.argmin()) if len(at) else None for at in steps]
        firsts, near = [], {}
        for (path, quantity), (i, row) in places(tables.names).items():
            at = earliest[i]
            firsts.append(np.nan if at is None else float(tables.values[i][row][at]))
            if path == "" and len(steps[i]) <= _SHORT:
                near[path, quantity] = steps[i], tables.values[i][row].copy()
        counts = tuple(len(at) for at in steps)
        return Held(same(tables.names), counts, np.array(firsts), near, read)

    def column(self, path: str, quantity: str) -> Column | None:
        """Return one column, None if there is none."""
        if (path, quantity) in self.near:
            return Column(*self.near[path, quantity])
        return self.read().column(path, quantity) if (path, quantity) in places(self.names) else None

    def count(self, path: str, quantity: str) -> int:
        """Return how many numbers a column has."""
        at = places(self.names).get((path, quantity))
        return 0 if at is None else self.counts[at[0]]

    def first(self, path: str, quantity: str) -> float | None:
        """Return the number of the earliest step, None if there is none."""
        if not self.count(path, quantity):
            return None
        return float(self.firsts[list(places(self.names)).index((path, quantity))])

    def whole(self) -> Packed:
        """Return all tables."""
        return self.read()
