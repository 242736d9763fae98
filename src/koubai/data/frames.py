"""Tables from where people have them: pandas, polars, Arrow ... (through narwhals), CSV and Parquet files."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np

from koubai.core.arrays import array_of, numbers_of
from koubai.core.errors import DataError, EngineError, ShapeError
from koubai.data.files import open_regular
from koubai.data.scheme import TableColumn
from koubai.words.phrase import phrase

SUFFIXES = (".csv", ".tsv", ".parquet")
MOST_BYTES = 1 << 31  # of a file of text
_EMPTY = ("", "NA", "N/A", "NaN", "nan", "null", "None", "?")
_TRUTHS = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}


def native(x: Any) -> Any:
    """Return a `datasets.Dataset` as its table of Arrow, its rows in its own order; all else as it is.

    Its labels are numbers with names beside them: they become the names.
    """
    held = callable(getattr(x, "with_format", None)) and hasattr(x, "features")
    if not (held and hasattr(x, "column_names")):
        return x
    table = x.with_format("arrow")[:]
    for i, (name, kind) in enumerate((x.features or {}).items()):
        if (names := getattr(kind, "names", None)) and hasattr(kind, "int2str"):
            import pyarrow

            numbers = table[name].to_pylist()
            texts = [None if number is None or number < 0 else names[number] for number in numbers]
            table = table.set_column(i, name, pyarrow.array(texts, pyarrow.string()))
    return table


def _check_whole(frame: Any, where: str) -> None:
    """Refuse what `datasets` has besides a table: parts by name, and rows that are not there yet."""
    if not hasattr(frame, "with_format"):
        return
    if hasattr(frame, "keys"):
        raise DataError("table_is_several", where=where, got=", ".join(map(repr, frame.keys())))
    if not hasattr(frame, "__len__"):
        raise DataError("table_is_a_stream", where=where, got=type(frame).__name__)


def is_frame(x: Any) -> bool:
    """Return whether x is a table of some library that narwhals knows; arrays and lists are none."""
    named = hasattr(x, "columns") or hasattr(x, "column_names")
    if isinstance(x, np.ndarray | list | tuple) or not named:
        return False
    import narwhals as nw

    return isinstance(nw.from_native(native(x), pass_through=True), nw.DataFrame | nw.LazyFrame)


def columns_of(frame: Any, where: str) -> list[TableColumn]:
    """Return the columns of a table of pandas, polars, Arrow ...; see `TableColumn.readable`.

    Raises:
        DataError: what is no table, or cannot be read as one.
    """
    import narwhals as nw

    _check_whole(frame, where)
    try:
        table = nw.from_native(native(frame))
        table = table.collect() if isinstance(table, nw.LazyFrame) else table
        names = list(table.columns)
    except Exception as error:  # such as two columns of one name; each library says it its own way
        raise DataError("table_cannot_be_read", where=where, got=str(error).split("\n")[0]) from None
    return [_column(name, table[name]) for name in names]


def series_of(values: Any, name: str, where: str) -> TableColumn | None:
    """Return a column of some library; None for arrays, lists and what narwhals does not know."""
    if isinstance(values, np.ndarray | list | tuple):
        return None
    import narwhals as nw

    series = nw.from_native(values, series_only=True, pass_through=True)
    return _column(str(series.name or name), series) if isinstance(series, nw.Series) else None


def beside(target: Any, where: str) -> TableColumn:
    """Return a column of targets that stands beside its table: a series, or an array (n,) or (n, 1)."""
    found = series_of(target, "target", where)
    if found is not None:
        return found
    array = array_of(target, "target", where)
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if array.ndim == 1 and array.dtype.kind in "OUT":
        return typed("target", [None if value is None else str(value) for value in array], read=False)
    numbers = numbers_of(array, "target", where)
    if numbers.ndim != 1:
        raise ShapeError("target_needs_one_value_a_row", where=where, expected="(n,)", got=numbers.shape)
    return TableColumn(
        "target", "truth" if array.dtype.kind == "b" else "number", np.array(numbers, np.float64)
    )


def _column(name: Any, series: Any) -> TableColumn:
    import narwhals as nw

    kind = series.dtype
    if kind == nw.Boolean or kind.is_numeric():
        numbers = series.cast(nw.Float64).to_numpy()
        return TableColumn(
            str(name), "truth" if kind == nw.Boolean else "number", np.array(numbers, np.float64)
        )
    if kind in (nw.String, nw.Categorical, nw.Enum, nw.Object, nw.Unknown):
        return typed(str(name), [_text(value) for value in series.to_list()], read=False)
    return TableColumn(str(name), "text", np.full(len(series), None, object), unreadable=str(kind))


def _text(value: Any) -> str | None:
    if value is None or (isinstance(value, float) and np.isnan(value)) or type(value).__name__ == "NAType":
        return None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    return str(value)


def typed(name: str, texts: list[str | None], *, read: bool) -> TableColumn:
    """Return texts as a column; where they were `read` from a file, numbers and truths are found."""
    there = [text for text in texts if text is not None]
    if read and there:
        if all(text.lower() in _TRUTHS for text in there):
            truths = [np.nan if text is None else _TRUTHS[text.lower()] for text in texts]
            return TableColumn(name, "truth", np.array(truths))
        try:
            return TableColumn(name, "number", np.array([np.nan if t is None else float(t) for t in texts]))
        except ValueError:
            pass
    return TableColumn(name, "text", np.array([*texts, None], object)[:-1])


def read_table(path: Path) -> list[TableColumn]:
    """Return the columns of a .csv, .tsv or .parquet file.

    The first line of a text file names the columns; separators are commas, semicolons or tabs. Empty cells,
    NA, NaN, null and ? count as missing.

    Raises:
        DataError: no such file, no table, or lines of different lengths; says the line.
        EngineError: a Parquet file, and pyarrow is not installed.
    """
    if path.suffix == ".parquet":
        return _parquet(path)
    if path.suffix not in SUFFIXES:
        raise DataError(
            "not_a_table_file", where=str(path), expected=", ".join(SUFFIXES), got=path.suffix or path.name
        )
    with open_regular(path) as stream:
        data = stream.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise DataError(
            "file_is_too_large", where=str(path), expected=phrase("at_most_bytes", count=MOST_BYTES)
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError("table_is_not_utf_8", line=line, where=str(path)) from None
    return _csv(text, path)


def _csv(text: str, path: Path) -> list[TableColumn]:
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        names = [name.strip() for name in next(rows, [])]
        cells: list[list[str | None]] = [[] for _ in names]
        for row in rows:
            if not row:
                continue
            if len(row) != len(names):
                raise DataError(
                    "line_has_another_number_of_cells",
                    line=rows.line_num,
                    where=str(path),
                    expected=len(names),
                    got=len(row),
                )
            for column, cell in zip(cells, row, strict=True):
                plain = cell.strip()
                column.append(None if plain in _EMPTY else plain)
    except csv.Error as error:
        raise DataError("file_cannot_be_read_as_table", where=str(path), got=str(error)) from None
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError("two_columns_have_one_name", name=twice, where=str(path))
    if not names or not cells[0]:
        raise DataError("table_has_no_rows", where=str(path))
    return [typed(name, column, read=True) for name, column in zip(names, cells, strict=True)]


def _parquet(path: Path) -> list[TableColumn]:
    try:
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "pyarrow":
            raise
        raise EngineError(
            "parquet_files_need_pyarrow", where=str(path), hint="pip install 'koubai[parquet]'"
        ) from None
    import pyarrow

    with open_regular(path) as stream:
        try:
            table = parquet.read_table(stream)
        except (pyarrow.ArrowException, OSError) as error:
            said = str(error).split("\n")[0]
            raise DataError("file_cannot_be_read_as_table", where=str(path), got=said) from None
    return columns_of(table, str(path))
