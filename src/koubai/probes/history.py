"""History: the append-only record of a run, step x layer path x quantity.

Numbers lie in columns, one for each (path, quantity): a run of 100,000 steps appends 100,000 losses to one
array, and a series is read without looking at the others. The quantities are those of the probes, under
their registry names, and of the session: `loss` (of each batch), `train_loss`, `val_loss`, `test_loss`,
`train_accuracy`, `val_accuracy`, `test_accuracy`, all at path "".
"""

from __future__ import annotations

import heapq
import json
import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
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


class Column:
    """The numbers of one quantity at one path, in the order they were added."""

    __slots__ = ("_looked_at", "_ordered", "_steps", "_values")

    def __init__(self, steps: Sequence[int] | Array = (), values: Sequence[float] | Array = ()) -> None:
        self._steps = array("q")
        self._values = array("d")
        self._ordered, self._looked_at = True, 0  # whether steps only rise, as far as that was looked at
        self.extend(steps, values)

    def __len__(self) -> int:
        return len(self._values)  # appended after the step: a reader in another thread sees whole rows

    def append(self, step: int, value: float) -> None:
        """Add one number."""
        self._steps.append(step)
        self._values.append(value)

    def extend(self, steps: Sequence[int] | Array, values: Sequence[float] | Array) -> None:
        """Add as many numbers as there are steps."""
        if len(steps) != len(values):
            raise ValueError(f"{len(steps)} steps, but {len(values)} values")
        self._steps.frombytes(np.asarray(steps, np.int64).tobytes())
        self._values.frombytes(np.asarray(values, np.float64).tobytes())

    def _is_ordered(self) -> bool:
        """Whether no step is smaller than the one before it; asked by readers, so that writers need not."""
        steps = np.array(self._steps[self._looked_at :])
        if not np.all(steps[1:] >= steps[:-1]):
            self._ordered = False
        self._looked_at = max(0, self._looked_at + len(steps) - 1)
        return self._ordered

    def rows(self, start: int = 0) -> tuple[Array, Array]:
        """Return copies of (steps, values) from row `start` on, as they were added."""
        stop = len(self)
        return np.array(self._steps[start:stop], np.int64), np.array(self._values[start:stop], np.float64)

    def sorted(self) -> tuple[Array, Array]:
        """Return copies of (steps, values) in order of steps (equal steps as they were added)."""
        steps, values = self.rows()
        if self._is_ordered():
            return steps, values
        order = np.argsort(steps, kind="stable")
        return steps[order], values[order]

    def last(self) -> float | None:
        """Return the value of the latest step, None if there is none."""
        if not len(self):
            return None
        return self._values[-1] if self._is_ordered() else float(self.sorted()[1][-1])

    def until(self, step: int) -> Column:
        """Return the rows up to and including a step."""
        steps, values = self.rows()
        return Column(steps[steps <= step], values[steps <= step])

    def to_json(self, path: str, quantity: str, start: int = 0) -> str:
        """Return the rows from `start` on as one line of JSON; NaN and infinities are written as strings."""
        steps, values = self.rows(start)
        plain = [v if math.isfinite(v) else str(v) for v in values.tolist()]
        line = {"path": path, "quantity": quantity, "steps": steps.tolist(), "values": plain}
        return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


@dataclass
class History:
    """Columns in the order they first appeared, with slices.

    Iterating yields entries in order of steps. Two histories are equal if they hold the same numbers, in
    whatever order their columns came up. `vectors` holds one row for each unit of a layer, by
    (step, path, quantity).
    """

    columns: dict[tuple[str, str], Column] = field(default_factory=dict)
    vectors: dict[tuple[int, str, str], Array] = field(default_factory=dict)

    def column(self, path: str, quantity: str) -> Column:
        """Return the column to append to, made if it is new."""
        name = (path, quantity)
        found = self.columns.get(name)
        if found is None:
            found = self.columns[name] = Column()
        return found

    def add(self, step: int, path: str, quantity: str, value: float) -> None:
        """Append one number."""
        self.column(path, quantity).append(step, value)

    def add_series(
        self, path: str, quantity: str, steps: Sequence[int] | Array, values: Sequence[float] | Array
    ) -> None:
        """Append one number for each of many steps."""
        if len(steps):
            self.column(path, quantity).extend(steps, values)

    def add_vector(self, step: int, path: str, quantity: str, values: Array) -> None:
        """Keep one number, or one row of numbers, for each unit."""
        self.vectors[step, path, quantity] = values

    def add_json(self, line: str) -> None:
        """Append what `Column.to_json` wrote; raise ValueError for anything else."""
        row = json.loads(line)
        try:
            path, quantity = str(row["path"]), str(row["quantity"])
            column = Column(array("q", row["steps"]), array("d", map(float, row["values"])))
        except (KeyError, TypeError, OverflowError) as error:
            raise ValueError(f"not a line of a history: {line[:80]!r}") from error
        self.add_series(path, quantity, *column.rows())

    def __len__(self) -> int:
        return sum(map(len, self.columns.values()))

    def __repr__(self) -> str:
        """Say how much there is; `quantities()` and `paths()` name it.

        >>> history = History()
        >>> history.add_series("", "loss", [1, 2], [2.3, 2.2])
        >>> history.add(2, "1.weight", "gradient_norm", 0.1)
        >>> history
        <History up to step 2: 3 numbers, quantities 2, paths 2>
        """
        last = max((column.rows()[0].max() for column in self.columns.values() if len(column)), default=0)
        paths = len({path for path, _ in self.columns})
        counts = f"{len(self)} numbers, quantities {len(self.quantities())}, paths {paths}"
        return f"<History up to step {last}: {counts}>"

    def __iter__(self) -> Iterator[Entry]:
        def rows(position: int, path: str, quantity: str, column: Column) -> Iterator[tuple[int, int, Entry]]:
            steps, values = column.sorted()
            for step, value in zip(steps.tolist(), values.tolist(), strict=True):
                yield step, position, Entry(step, path, quantity, value)

        tables = [rows(i, *name, column) for i, (name, column) in enumerate(self.columns.items())]
        merged = heapq.merge(*tables, key=lambda row: row[:2])
        return (entry for _, _, entry in merged)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, History):
            return NotImplemented
        return (
            self.columns.keys() == other.columns.keys()
            and all(_same(mine.rows(), other.columns[name].rows()) for name, mine in self.columns.items())
            and self.vectors.keys() == other.vectors.keys()
            and all(_same([mine], [other.vectors[name]]) for name, mine in self.vectors.items())
        )

    __hash__ = None  # type: ignore[assignment]  # it grows

    def series(self, quantity: str, path: str = "") -> tuple[Array, Array]:
        """Return (steps, values) of one quantity at one path, in order of steps."""
        column = self.columns.get((path, quantity))
        return (column or Column()).sorted()

    def paths(self, quantity: str) -> list[str]:
        """Return the paths that have a quantity, in the order paths first appeared (forward order)."""
        return [
            path for path in dict.fromkeys(at for at, _ in self.columns) if (path, quantity) in self.columns
        ]

    def quantities(self, path: str | None = None) -> list[str]:
        """Return the quantities recorded (at one path), in order of first appearance."""
        return list(dict.fromkeys(name for at, name in self.columns if path is None or at == path))

    def last(self, quantity: str, path: str = "") -> float | None:
        """Return the latest value, or None if there is none."""
        column = self.columns.get((path, quantity))
        return None if column is None else column.last()

    def until(self, step: int) -> History:
        """Return the part up to and including a step."""
        columns = {name: column.until(step) for name, column in self.columns.items()}
        return History(
            {name: column for name, column in columns.items() if len(column)},
            {name: values for name, values in self.vectors.items() if name[0] <= step},
        )

    def extend(self, entries: Iterable[Entry]) -> None:
        """Append entries."""
        for entry in entries:
            self.add(entry.step, entry.path, entry.quantity, entry.value)


def _same(mine: Iterable[Array], theirs: Iterable[Array]) -> bool:
    """Return whether arrays agree bit for bit in value; NaN equals NaN."""
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(mine, theirs, strict=True))
