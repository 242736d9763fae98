"""History: the append-only record of a run, step x layer path x quantity.

Numbers lie in columns, one for each (path, quantity): a run of 100,000 steps appends 100,000 losses to one
array, and a series is read without looking at the others. The quantities are those of the probes, under
their registry names, and of the session: `loss` (of each batch), `train_loss`, `val_loss`, `test_loss`,
`train_accuracy`, `val_accuracy`, `test_accuracy`, all at path "".
"""

from __future__ import annotations

import heapq
import json
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from threading import RLock
from typing import Any, NamedTuple, Protocol

import numpy as np

from koubai.core.params import Array
from koubai.probes.column import Column
from koubai.probes.held import Held
from koubai.probes.packed import ColumnName, Packed, fitting, packed, places, unpacked

Vectors = dict[tuple[int, str, str], Array]  # (step, path, quantity) -> a number, or a row, a unit
_MOST_WAITING = 1000  # steps: what waits takes as much memory as what is written


@dataclass(frozen=True)
class HistoryEntry:
    """One number: at which step, of which layer or parameter ("" = the whole run), which quantity."""

    step: int
    path: str
    quantity: str
    value: float


class Series(NamedTuple):
    """One quantity at one path, at one step or more: `values` (steps,), or (steps, units, n) by unit."""

    path: str
    quantity: str
    steps: Array
    values: Array


class Measurer(Protocol):
    """Makes series of what was taken at some steps, of many at the price of few."""

    @property
    def quantities(self) -> Set[str]:
        """All it may make."""
        ...

    def measure(self, taken: Sequence[Any]) -> list[Series]:
        """Return the series."""
        ...


class History:
    """Columns in the order they first appeared, with slices.

    Iterating yields entries in order of steps. Two histories are equal if they hold the same numbers, in
    whatever order their columns came up.

    What waits (`write_later`) is written before anybody can tell: before one of its quantities is read or
    added to, before all columns are looked at, and before another column comes up.
    """

    def __init__(
        self, columns: dict[ColumnName, Column] | None = None, vectors: Vectors | None = None
    ) -> None:
        self._columns = {} if columns is None else columns
        self._vectors = {} if vectors is None else vectors
        self._measurer: Measurer | None = None
        self._waiting: list[Any] = []
        self._tables: Packed | Held | None = None  # what all columns are made of, until they are
        self._lock = RLock()  # somebody may read in another thread

    def __reduce__(self) -> tuple[Any, ...]:
        return History.of_tables, (self.tables().sent(), self.vectors)

    @staticmethod
    def of_tables(tables: Packed | bytes, vectors: Vectors | None = None) -> History:
        """Return a history that stays as small as its tables, or what `sent` made of them.

        Raises ValueError where the tables are none (see koubai.probes.packed).
        """
        history = History(None, vectors)
        history._tables = fitting(Packed.of_sent(tables) if isinstance(tables, bytes) else tables)
        return history

    def tables(self) -> Packed:
        """Return all columns in little memory."""
        with self._lock:
            return packed(self.columns) if self._tables is None else self._tables.whole()

    def let_go(self, read: Callable[[], Packed]) -> None:
        """Keep at hand what many runs are asked for, and have `read` bring the tables for more."""
        with self._lock:
            if not isinstance(self._tables, Held):
                self._tables, self._columns = Held.of(self.tables(), read), {}

    @property
    def columns(self) -> dict[tuple[str, str], Column]:
        """All columns by (path, quantity), to be added to. Who only reads asks for names and series."""
        self._write_waiting()
        return self._columns

    @property
    def names(self) -> Collection[tuple[str, str]]:
        """The (path, quantity) of all columns, in the order they first appeared."""
        tables = self._tables
        return self.columns.keys() if tables is None else places(tables.names).keys()

    def _all(self) -> Mapping[tuple[str, str], Column]:
        """Return all columns to be read; a history that is small stays so."""
        tables = self._tables
        return self.columns if tables is None else unpacked(tables.whole())

    @property
    def vectors(self) -> dict[tuple[int, str, str], Array]:
        """One row of numbers for each unit of a layer, by (step, path, quantity)."""
        if self._waiting:
            self._write_waiting()
        return self._vectors

    # ------------------------------------------------------------------------------------ writing

    def write_later(self, measurer: Measurer, taken: Sequence[Any]) -> None:
        """Append what a measurer makes of what was taken at some steps, when somebody wants to know.

        Most of the work is done once for all steps that wait, so that a run which is not read meanwhile
        hardly pays for being watched.
        """
        with self._lock:
            if measurer is not self._measurer or len(self._waiting) + len(taken) > _MOST_WAITING:
                self._write_waiting()
            self._measurer = measurer
            self._waiting += taken

    def _write_waiting(self, quantity: str | None = None) -> None:
        """Write what waits; if a quantity is named, only where that is among it."""
        with self._lock:
            if self._tables is not None:
                self._columns, self._tables = unpacked(self._tables.whole()), None
            if not self._waiting or self._measurer is None:
                return
            if quantity is None or quantity in self._measurer.quantities:
                series = self._measurer.measure(self._waiting)
                self._waiting = []
                self.write(series)

    def write(self, series: Sequence[Series]) -> None:
        """Append series of many steps; what is new comes up in the order of writing step by step."""
        numbers = [one for one in series if one.values.ndim == 1]
        for one in sorted(numbers, key=lambda one: int(one.steps[0])):
            self.add_series(*one)
        rows = {
            (step, one.path, one.quantity): row
            for one in series
            if one.values.ndim > 1
            for step, row in zip(one.steps.tolist(), one.values, strict=True)
        }
        self._vectors.update(sorted(rows.items(), key=lambda item: item[0][0]))

    def column(self, path: str, quantity: str) -> Column:
        """Return the column to append to, made if it is new."""
        self._write_waiting(quantity)
        found = self._columns.get((path, quantity))
        if found is None:
            found = self.columns[path, quantity] = Column()
        return found

    def _find(self, path: str, quantity: str) -> Column | None:
        """Return a column to be read."""
        tables = self._tables
        if tables is not None:
            return tables.column(path, quantity)
        self._write_waiting(quantity)
        return self._columns.get((path, quantity))

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
        try:
            row = json.loads(line)
            path, quantity = str(row["path"]), str(row["quantity"])
            column = Column(array("q", row["steps"]), array("d", map(float, row["values"])))
        except (KeyError, TypeError, OverflowError, RecursionError) as error:
            raise ValueError(f"not a line of a history: {line[:80]!r}") from error
        self.add_series(path, quantity, *column.rows())

    def extend(self, entries: Iterable[HistoryEntry]) -> None:
        """Append entries."""
        for entry in entries:
            self.add(entry.step, entry.path, entry.quantity, entry.value)

    # ------------------------------------------------------------------------------------ reading

    def __len__(self) -> int:
        return sum(self.count(quantity, path) for path, quantity in self.names)

    def __repr__(self) -> str:
        """Say how much there is; `quantities()` and `paths()` name it.

        >>> history = History()
        >>> history.add_series("", "loss", [1, 2], [2.3, 2.2])
        >>> history.add(2, "1.weight", "gradient_norm", 0.1)
        >>> history
        <History up to step 2: 3 numbers, quantities 2, paths 2>
        """
        last = max((column.rows()[0].max() for column in self._all().values() if len(column)), default=0)
        paths = len({path for path, _ in self.names})
        counts = f"{len(self)} numbers, quantities {len(self.quantities())}, paths {paths}"
        return f"<History up to step {last}: {counts}>"

    def __iter__(self) -> Iterator[HistoryEntry]:
        def rows(position: int, name: ColumnName, column: Column) -> Iterator[tuple[int, int, HistoryEntry]]:
            steps, values = column.sorted()
            for step, value in zip(steps.tolist(), values.tolist(), strict=True):
                yield step, position, HistoryEntry(step, *name, value)

        tables = [rows(i, name, column) for i, (name, column) in enumerate(self._all().items())]
        merged = heapq.merge(*tables, key=lambda row: row[:2])
        return (entry for _, _, entry in merged)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, History):
            return NotImplemented
        ours, theirs = self._all(), other._all()
        return (
            ours.keys() == theirs.keys()
            and all(_same(mine.rows(), theirs[name].rows()) for name, mine in ours.items())
            and self.vectors.keys() == other.vectors.keys()
            and all(_same([mine], [other.vectors[name]]) for name, mine in self.vectors.items())
        )

    __hash__ = None  # type: ignore[assignment]  # it grows

    def series(self, quantity: str, path: str = "") -> tuple[Array, Array]:
        """Return (steps, values) of one quantity at one path, in order of steps."""
        return (self._find(path, quantity) or Column()).sorted()

    def paths(self, quantity: str) -> list[str]:
        """Return the paths that have a quantity, in the order paths first appeared (forward order)."""
        names = self.names
        return [path for path in dict.fromkeys(at for at, _ in names) if (path, quantity) in names]

    def quantities(self, path: str | None = None) -> list[str]:
        """Return the quantities recorded (at one path), in order of first appearance."""
        return list(dict.fromkeys(name for at, name in self.names if path is None or at == path))

    def count(self, quantity: str, path: str = "") -> int:
        """Return how many numbers of one quantity there are at one path."""
        tables = self._tables
        return len(self._find(path, quantity) or ()) if tables is None else tables.count(path, quantity)

    def first(self, quantity: str, path: str = "") -> float | None:
        """Return the number of the earliest step, or None if there is none."""
        tables = self._tables
        if tables is not None:
            return tables.first(path, quantity)
        column = self._find(path, quantity)
        return None if column is None else column.first()

    def last(self, quantity: str, path: str = "") -> float | None:
        """Return the latest value, or None if there is none."""
        column = self._find(path, quantity)
        return None if column is None else column.last()

    def until(self, step: int) -> History:
        """Return the part up to and including a step."""
        columns = {name: column.until(step) for name, column in self._all().items()}
        return History(
            {name: column for name, column in columns.items() if len(column)},
            {name: values for name, values in self.vectors.items() if name[0] <= step},
        )


def _same(mine: Iterable[Array], theirs: Iterable[Array]) -> bool:
    """Return whether arrays agree bit for bit in value; NaN equals NaN."""
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(mine, theirs, strict=True))
