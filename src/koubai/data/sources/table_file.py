"""TableFile: a CSV or Parquet file with a column of targets. And `table`: the same from memory."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from koubai.core.checks import share
from koubai.core.errors import UnknownName
from koubai.data.dataset import DATA, DataSource
from koubai.data.files import inside, sha256_of, stamp_of
from koubai.data.frames import beside, columns_of, read_table
from koubai.data.prepare import DataFile, Raw
from koubai.data.scheme import MISSING, Missing
from koubai.data.sources.arrays import Arrays
from koubai.data.tabular import TASKS, TableTask, table_raw


@DATA.register
@dataclass(frozen=True)
class TableFile(DataSource):
    """A table in a .csv, .tsv or .parquet file; every column but the target (and `drop`) is an input.

    | field      | meaning                                                                          |
    |------------|----------------------------------------------------------------------------------|
    | path       | of the file, relative to the data folder, or absolute                            |
    | target     | name of the column that is to be predicted                                       |
    | task       | "classes", "values" or "auto": texts, truths and few whole numbers are classes    |
    | missing    | "refuse", or "median": fill from the training rows (koubai.data.scheme)            |
    | drop       | names of columns that are left away                                              |
    | test_share | share of the rows that are the test part; of classes it holds their shares        |
    | split_seed | which rows these are, and the order of all                                       |

    The first line of a text file names its columns. Nothing in a file is ever executed.
    """

    path: str
    target: str
    task: TableTask = "auto"
    missing: Missing = "refuse"
    drop: tuple[str, ...] = ()
    test_share: float = 0.3
    split_seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "drop", tuple(self.drop))  # a list may come, a hash must work
        share(self, test_share=self.test_share)
        if self.task not in TASKS:
            raise UnknownName("task", self.task, TASKS, where="TableFile")
        if self.missing not in MISSING:
            raise UnknownName("way with missing values", self.missing, MISSING, where="TableFile")

    def stamp(self, folder: Path | None) -> Hashable:
        """Size and time of the file."""
        return stamp_of([inside(folder, self.path)])

    def read(self, folder: Path | None) -> Raw:
        """Read the columns, find the target, encode the rest."""
        path = inside(folder, self.path)
        raw = table_raw(
            read_table(path),
            self.target,
            task=self.task,
            missing=self.missing,
            drop=self.drop,
            test_share=self.test_share,
            split_seed=self.split_seed,
            where=str(path),
        )
        return replace(raw, files=(DataFile(self.path, sha256_of(path), published=None),), private=True)


def table(
    frame: Any,
    target: Any,
    *,
    task: TableTask = "auto",
    missing: Missing = "refuse",
    drop: tuple[str, ...] = (),
    test_share: float = 0.3,
    split_seed: int = 0,
    sample_weight: Any = None,
    **preparation: Any,
) -> Arrays:
    """Return a source of a table in memory: pandas, polars, Arrow and what else narwhals knows.

    Args:
        frame: the table.
        target: the name of its column to predict; or that column by itself, a series or an array.
        task: "classes", "values" or "auto"; see TableFile.
        missing: "refuse" or "median".
        drop: names of columns that are left away.
        test_share: share of the rows that become the test part.
        split_seed: which rows these are, and the order of all.
        sample_weight: how much each row counts in training, (n,), at least 0.
        preparation: the fields of DataSource: validation, scale, class_weight ...

    Raises:
        DataError: says the column, and the row and value where one is to blame.
    """
    raw = table_raw(
        columns_of(frame, "table"),
        target if isinstance(target, str) else beside(target, "table"),
        weights=sample_weight,
        task=task,
        missing=missing,
        drop=tuple(drop),
        test_share=test_share,
        split_seed=split_seed,
    )
    return Arrays.holding(raw, **preparation)
