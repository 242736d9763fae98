"""History: the append-only record of a run, step x layer path x quantity."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from koubai.core.params import Array


@dataclass(frozen=True)
class Entry:
    """One number: at which step, of which layer or parameter ("" = the whole run), which quantity."""

    step: int
    path: str
    quantity: str
    value: float

    def to_json(self) -> str:
        """One line of JSON; NaN and infinities as strings, so that the line is standard JSON."""
        value = self.value if math.isfinite(self.value) else str(self.value)
        return json.dumps([self.step, self.path, self.quantity, value], ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str) -> Entry:
        """Read what `to_json` wrote; raise ValueError for anything else."""
        row = json.loads(line)
        if not (isinstance(row, list) and len(row) == 4 and isinstance(row[0], int)):
            raise ValueError(f"not a history line: {line[:80]!r}")
        return cls(row[0], str(row[1]), str(row[2]), float(row[3]))


@dataclass
class History:
    """Entries in the order they were made, with slices by path and quantity."""

    entries: list[Entry] = field(default_factory=list)
    vectors: dict[tuple[int, str, str], Array] = field(default_factory=dict)

    def add(self, step: int, path: str, quantity: str, value: float) -> None:
        """Append one number."""
        self.entries.append(Entry(step, path, quantity, float(value)))

    def add_vector(self, step: int, path: str, quantity: str, values: Array) -> None:
        """Keep one number per unit; vectors stay in memory and are saved beside checkpoints."""
        self.vectors[step, path, quantity] = values

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def series(self, quantity: str, path: str = "") -> tuple[Array, Array]:
        """Return (steps, values) of one quantity at one path, in order of steps."""
        rows = sorted((e.step, e.value) for e in self.entries if e.path == path and e.quantity == quantity)
        steps = np.array([step for step, _ in rows], dtype=np.int64)
        return steps, np.array([value for _, value in rows], dtype=np.float64)

    def paths(self, quantity: str) -> list[str]:
        """Return the paths that have a quantity, in order of first appearance (forward order)."""
        return list(dict.fromkeys(e.path for e in self.entries if e.quantity == quantity))

    def last(self, quantity: str, path: str = "") -> float | None:
        """Return the latest value, or None if there is none."""
        values = self.series(quantity, path)[1]
        return float(values[-1]) if len(values) else None

    def until(self, step: int) -> History:
        """Return the part up to and including a step."""
        return History(
            [e for e in self.entries if e.step <= step],
            {name: v for name, v in self.vectors.items() if name[0] <= step},
        )

    def extend(self, entries: Iterable[Entry]) -> None:
        """Append entries."""
        self.entries.extend(entries)
