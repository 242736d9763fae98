"""Tables: columns of numbers, truths and texts become inputs of a network, by a declared scheme.

| column           | becomes                                                                     |
|------------------|-----------------------------------------------------------------------------|
| numbers          | itself                                                                      |
| true and false   | 1 and 0                                                                     |
| texts            | a number a text: 1 where it stands, 0 elsewhere (one-hot), in order of texts |

What is missing is refused with its column and row, or filled as `missing` says: "median" takes the median of
the training rows for numbers and truths, and gives missing texts a number of their own. The scheme belongs to
the trained network (`koubai.data.preparation`): later tables are encoded by it, column by column, by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from koubai.core.errors import DataError, UnknownName, did_you_mean, nearest
from koubai.core.params import Array
from koubai.words import say
from koubai.words.phrase import phrase

Missing = Literal["refuse", "median"]
MISSING: tuple[Missing, ...] = get_args(Missing)
Kind = Literal["number", "truth", "text"]
MOST_LEVELS = 200  # different texts of one column
_SHOWN = 8  # names in a message


@dataclass(frozen=True, eq=False)
class TableColumn:
    """One column as it was read: `values` (n,) float64, or texts; NaN or None where something lacks."""

    name: str
    kind: Kind
    values: Array
    unreadable: str = ""  # what it holds where that is neither numbers nor texts, such as dates

    def readable(self, where: str) -> TableColumn:
        """Return it; raise DataError, which names it, where it holds neither numbers nor texts."""
        if self.unreadable:
            got = self.unreadable
            raise DataError("column_is_neither_numbers_nor_texts", name=self.name, where=where, got=got)
        return self

    @property
    def lacks(self) -> Array:
        """Where nothing stands: (n,) truths."""
        if self.kind == "text":
            return np.array([value is None for value in self.values], bool)
        return np.isnan(self.values)


@dataclass(frozen=True)
class Encoding:
    """How one column is encoded: the texts it knows, what is put where something lacks (None: refused)."""

    name: str
    kind: Kind
    levels: tuple[str, ...] = ()
    fill: float | None = None
    own: bool = False  # whether missing texts have a number of their own

    @property
    def names(self) -> list[str]:
        """What the numbers it becomes are called."""
        if self.kind != "text":
            return [self.name]
        return [f"{self.name}={level}" for level in self.levels] + [f"{self.name}=?"] * self.own


@dataclass(frozen=True)
class TableScheme:
    """The encodings of all columns of a table, in the order of the numbers they become."""

    columns: tuple[Encoding, ...]
    target: str = ""

    @classmethod
    def of(
        cls, columns: Sequence[TableColumn], training: Array, missing: Missing, target: str, where: str
    ) -> TableScheme:
        """Return the scheme of a table, fills from its `training` rows.

        Raises:
            DataError: no columns, a column with nothing in it, or with too many different texts; something
                lacks and `missing` is "refuse".
        """
        if missing not in MISSING:
            raise UnknownName("way with missing values", missing, MISSING, where=where)
        if not columns:
            raise DataError("table_has_only_its_target", where=where)
        return cls(tuple(_encoding(column, training, missing, where) for column in columns), target)

    @property
    def names(self) -> tuple[str, ...]:
        """What the inputs (n, F) of the network are called: F names."""
        return tuple(name for column in self.columns for name in column.names)

    def encode(self, table: Sequence[TableColumn], where: str) -> Array:
        """Return the numbers (n, F), float64, of a table that has these columns; others are left alone.

        Raises:
            DataError: a column is missing or of another kind, something lacks, or a text is new; says the
                column, the row (from 1) and the value.
        """
        found = {column.name: column for column in table}
        blocks = []
        for wanted in self.columns:
            if wanted.name not in found:
                near = nearest(wanted.name, list(found))
                raise DataError(
                    "table_has_no_column",
                    name=wanted.name,
                    where=where,
                    got=", ".join(list(found)[:_SHOWN]),
                    hint=did_you_mean(near),
                )
            blocks.append(_encoded(wanted, found[wanted.name].readable(where), where))
        return np.concatenate(blocks, axis=1)

    def sentence(self) -> str:
        """Say in one line what the columns are taken for."""
        kinds = {kind: sum(column.kind == kind for column in self.columns) for kind in get_args(Kind)}
        said = [say(f"data.table.{kind}", count=count) for kind, count in kinds.items() if count]
        parts = say("data.table.and").join(said)
        return say("data.table.sentence", parts=parts, inputs=len(self.names))

    def plain(self) -> dict[str, Any]:
        """Return it as values of JSON."""
        return {
            "target": self.target,
            "columns": [
                {"name": c.name, "kind": c.kind, "levels": list(c.levels), "fill": c.fill, "own": c.own}
                for c in self.columns
            ],
        }

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> TableScheme:
        """Return the scheme in such values; KeyError, TypeError or ValueError where they hold none."""
        columns = []
        for item in plain["columns"]:
            fill = None if item["fill"] is None else float(item["fill"])
            if item["kind"] not in get_args(Kind):
                raise ValueError(f"no kind of column: {item['kind']}")
            levels = tuple(map(str, item["levels"]))
            columns.append(Encoding(str(item["name"]), item["kind"], levels, fill, bool(item["own"])))
        return cls(tuple(columns), str(plain["target"]))


def _encoding(column: TableColumn, training: Array, missing: Missing, where: str) -> Encoding:
    lacks = column.lacks
    if lacks.any() and missing == "refuse":
        raise lacking(column.name, lacks, where)
    if lacks[training].all():
        raise DataError("column_is_empty", name=column.name, where=where, hint=_drop(column.name))
    if column.kind != "text":
        fill = float(np.median(column.values[training & ~lacks])) if missing == "median" else None
        return Encoding(column.name, column.kind, fill=fill)
    levels = sorted({value for value in column.values if value is not None})
    if len(levels) > MOST_LEVELS:
        raise DataError(
            "column_has_too_many_texts",
            name=column.name,
            count=len(levels),
            most=MOST_LEVELS,
            where=where,
            got=phrase("and_more", texts=", ".join(map(repr, levels[:3]))),
            hint=_drop(column.name),
        )
    return Encoding(column.name, "text", tuple(levels), own=missing == "median")


def _drop(name: str) -> str:
    return phrase("leave_the_column_away", name=name)


def lacking(name: str, lacks: Array, where: str) -> DataError:
    """Return the error of a column in which something lacks."""
    row = int(np.flatnonzero(lacks)[0]) + 1
    return DataError(
        "column_has_nothing_in_row", name=name, row=row, count=int(lacks.sum()), rows=len(lacks), where=where
    )


def _encoded(wanted: Encoding, column: TableColumn, where: str) -> Array:
    lacks = column.lacks
    if lacks.any() and wanted.fill is None and not wanted.own:
        raise lacking(column.name, lacks, where)
    if wanted.kind != "text":
        if column.kind == "text" and not lacks.all():
            row = int(np.flatnonzero(~lacks)[0]) + 1
            raise DataError(
                "column_has_no_number_in_row",
                name=column.name,
                row=row,
                where=where,
                got=repr(column.values[row - 1]),
            )
        numbers = np.full(len(column.values), np.nan) if column.kind == "text" else column.values
        return np.where(lacks, np.nan if wanted.fill is None else wanted.fill, numbers)[:, None]
    texts = column.values if column.kind == "text" else as_texts(column)
    places = {level: i for i, level in enumerate(wanted.levels)}
    made = np.zeros((len(texts), len(wanted.names)))
    for row, text in enumerate(texts):
        place = len(wanted.levels) if text is None else places.get(text)
        if place is None:
            near = nearest(text, wanted.levels)
            raise DataError(
                "column_has_a_new_text",
                name=column.name,
                row=row + 1,
                where=where,
                expected=phrase("one_of", names=", ".join(map(repr, wanted.levels[:_SHOWN]))),
                got=repr(text),
                hint=did_you_mean(near),
            )
        made[row, place] = 1
    return made


def as_texts(column: TableColumn) -> Array:
    """Return a column's values as texts: 3 for 3.0, true and false; None where something lacks."""
    if column.kind == "text":
        return column.values

    def text(value: float) -> str | None:
        if np.isnan(value):
            return None
        if column.kind == "truth":
            return "true" if value else "false"
        return str(int(value)) if value == int(value) else repr(float(value))

    return np.array([text(value) for value in column.values], object)
