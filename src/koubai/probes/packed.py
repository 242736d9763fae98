"""A history in little memory: columns of the same steps in one table, numbers as narrow as they allow.

Nothing is lost: values are float32 only where every one of a column is such a number. Of 87 columns of 50
steps each, rounded by `rounded`, a quarter of the bytes is left.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from koubai.core.params import Array
from koubai.probes.column import Column

ColumnName = tuple[str, str]


@dataclass(frozen=True)
class Packed:
    """Columns as tables.

    | field  | meaning                                                                   |
    |--------|---------------------------------------------------------------------------|
    | names  | (path, quantity, number of its table) in the order columns first appeared |
    | steps  | of each table the differences of its steps, from 0: (n,)                  |
    | values | of each table its columns in the order of `names`: (columns, n)           |
    """

    names: tuple[tuple[str, str, int], ...]
    steps: tuple[Array, ...]
    values: tuple[Array, ...]

    def column(self, path: str, quantity: str) -> Column | None:
        """Return one column, None if there is none."""
        at = places(self.names).get((path, quantity))
        if at is None:
            return None
        table, row = at
        return Column(np.cumsum(self.steps[table], dtype=np.int64), self.values[table][row])

    def count(self, path: str, quantity: str) -> int:
        """Return how many numbers a column has."""
        at = places(self.names).get((path, quantity))
        return 0 if at is None else len(self.steps[at[0]])

    def first(self, path: str, quantity: str) -> float | None:
        """Return the number of the earliest step, None if there is none."""
        column = self.column(path, quantity)
        return None if column is None else column.first()

    def arrays(self) -> dict[str, Array]:
        """Return the tables as named arrays; `columns` says what is in them."""
        steps = {f"{i}/steps": steps for i, steps in enumerate(self.steps)}
        return steps | {f"{i}/values": values for i, values in enumerate(self.values)}

    def columns(self) -> str:
        """Return the names as JSON."""
        return json.dumps(self.names, ensure_ascii=False)

    @staticmethod
    def of_arrays(arrays: Mapping[str, Array], columns: str) -> Packed:
        """Return the tables of `arrays` and `columns`."""
        count = range(len(arrays) // 2)
        steps, values = ([arrays[f"{i}/{name}"] for i in count] for name in ("steps", "values"))
        names = tuple((str(path), str(quantity), int(i)) for path, quantity, i in json.loads(columns))
        return Packed(same(names), tuple(steps), tuple(values))

    def sent(self) -> bytes:
        """Return the tables as bytes for another process; of a run two thirds of the numbers' own."""
        from safetensors.numpy import save

        columns = np.frombuffer(self.columns().encode(), np.uint8)
        return zlib.compress(save({"columns": columns, **self.arrays()}), 1)

    @staticmethod
    def of_sent(data: bytes) -> Packed:
        """Return the tables of `sent`."""
        from safetensors.numpy import load

        arrays = load(zlib.decompress(data))
        return Packed.of_arrays(arrays, arrays.pop("columns").tobytes().decode())

    def whole(self) -> Packed:
        """Return all tables: these."""
        return self


@lru_cache(maxsize=64)
def places(names: tuple[tuple[str, str, int], ...]) -> Mapping[ColumnName, tuple[int, int]]:
    """Return where each column lies: (its table, its row there), in the order of `names`."""
    rows: dict[int, int] = {}
    found = {}
    for path, quantity, table in names:
        found[path, quantity] = table, rows.get(table, 0)
        rows[table] = rows.get(table, 0) + 1
    return found


@lru_cache(maxsize=64)
def same(names: tuple[tuple[str, str, int], ...]) -> tuple[tuple[str, str, int], ...]:
    """Return equal names as one object: the runs of an experiment have them in common."""
    return names


def packed(columns: Mapping[ColumnName, Column]) -> Packed:
    """Return columns as tables, bit for bit."""
    tables: dict[tuple[bytes, str], int] = {}
    names: list[tuple[str, str, int]] = []
    steps: list[Array] = []
    values: list[list[Array]] = []
    for (path, quantity), column in columns.items():
        at, numbers = column.rows()
        numbers = _narrow(numbers)
        i = tables.setdefault((at.tobytes(), numbers.dtype.name), len(tables))
        if i == len(steps):
            steps.append(_narrow_steps(np.diff(at, prepend=0)))
            values.append([])
        values[i].append(numbers)
        names.append((path, quantity, i))
    return Packed(tuple(names), tuple(steps), tuple(np.stack(rows) for rows in values))


def fitting(tables: Packed) -> Packed:
    """Return the tables; raise ValueError where they do not fit their names."""
    for (path, quantity), (i, row) in places(tables.names).items():
        table = tables.values[i] if 0 <= i < len(tables.values) else None
        if (
            table is None
            or table.shape[1:] != tables.steps[i].shape
            or not row < len(table)
            or table.dtype.kind != "f"
        ):
            raise ValueError(f"no column of a history: {path!r} {quantity!r}")
    return tables


def unpacked(tables: Packed) -> dict[ColumnName, Column]:
    """Return the columns; raise ValueError where the tables do not fit their names."""
    fitting(tables)
    steps = [np.cumsum(differences, dtype=np.int64) for differences in tables.steps]
    return {name: Column(steps[i], tables.values[i][row]) for name, (i, row) in places(tables.names).items()}


def rounded(columns: Mapping[ColumnName, Column], names: Iterable[ColumnName]) -> dict[ColumnName, Column]:
    """Return columns, some of them with 24 bits a number unless one is too large or small for that."""
    chosen = set(names)

    def short(column: Column) -> Column:
        steps, values = column.rows()
        with np.errstate(all="ignore"):
            narrow = values.astype(np.float32).astype(np.float64)
            kept = (np.abs(narrow - values) <= 2.0**-24 * np.abs(values)) | (narrow == values)
        return Column(steps, narrow) if np.all(kept | np.isnan(values)) else column

    return {name: short(column) if name in chosen else column for name, column in columns.items()}


def _narrow(values: Array) -> Array:
    with np.errstate(all="ignore"):
        narrow = values.astype(np.float32)
    return narrow if np.array_equal(narrow, values, equal_nan=True) else values


def _narrow_steps(differences: Array) -> Array:
    low, high = (int(differences.min()), int(differences.max())) if len(differences) else (0, 0)
    for kind in (np.uint8, np.uint16):
        if low >= 0 and high <= np.iinfo(kind).max:
            return differences.astype(kind)
    return differences
