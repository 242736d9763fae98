"""From the columns of a table to samples: the target found and understood, the rest encoded, rows split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np

from koubai.core import random
from koubai.core.errors import DataError, UnknownName, did_you_mean, nearest
from koubai.core.params import Array
from koubai.data.order import check_test_share, mixed
from koubai.data.prepare import Raw
from koubai.data.sampler import check_weights
from koubai.data.scheme import Missing, TableColumn, TableScheme, as_texts, lacking
from koubai.words.phrase import phrase

TableTask = Literal["auto", "classes", "values"]
TASKS: tuple[TableTask, ...] = get_args(TableTask)
MOST_WHOLE = 20  # different whole numbers that are taken for classes
_SHOWN = 12  # names in a message


def table_raw(
    columns: Sequence[TableColumn],
    target: str | TableColumn,
    *,
    weights: Any = None,
    task: TableTask = "auto",
    missing: Missing = "refuse",
    drop: tuple[str, ...] = (),
    test_share: float = 0.3,
    split_seed: int = 0,
    where: str = "table",
) -> Raw:
    """Return the samples of a table, split at random; of classes both parts hold their shares.

    Args:
        columns: all columns; those that are neither the target nor dropped are inputs.
        target: the name of the target's column, or a column beside the table.
        weights: how much each row counts in training, (n,).
        task: "classes", "values", or "auto": texts, truths and up to 20 different whole numbers are classes.
        missing: see koubai.data.scheme; a missing target is always refused.
        drop: names of columns that are left away.
        test_share: share of the rows that become the test part.
        split_seed: which rows these are, and the order of all.
        where: what an error calls the table.

    Raises:
        DataError: says the column, and the row and value where one is to blame.
    """
    if task not in TASKS:
        raise UnknownName("task", task, TASKS, where=where)
    check_test_share(test_share, where)
    names = [column.name for column in columns]
    if isinstance(target, str):
        _known((target, *drop), names, where)
        inputs = [column for column in columns if column.name not in (target, *drop)]
        goal = columns[names.index(target)]
    else:
        _known(drop, names, where)
        inputs, goal = [column for column in columns if column.name not in drop], target
    for column in (*inputs, goal):
        column.readable(where)
    lengths = {len(column.values) for column in (*inputs, goal)}
    if len(lengths) > 1:
        raise DataError("columns_differ_in_length", where=where, got=", ".join(map(str, sorted(lengths))))
    t, class_names = _target(goal, task, where)
    order, parted = mixed(random.key(split_seed, "table"), t if class_names else None, len(t))
    train, test = np.split(order, [len(t) - round(len(t) * test_share)])
    training = np.isin(np.arange(len(t)), train)
    _check_finite([*inputs, goal], where)
    scheme = TableScheme.of(inputs, training, missing, goal.name, where)
    x = scheme.encode(inputs, where)
    kept = None if weights is None else check_weights(weights, len(t), where)[train]
    parts = (x[train], t[train], x[test], t[test])
    classes = len(class_names) or None
    return Raw(*parts, classes=classes, class_names=class_names, w_train=kept, scheme=scheme, parted=parted)


def _known(wanted: Sequence[str], names: Sequence[str], where: str) -> None:
    for name in wanted:
        if name not in names:
            near = nearest(name, names)
            raise DataError(
                "table_has_no_column",
                name=name,
                where=where,
                got=", ".join(names[:_SHOWN]),
                hint=did_you_mean(near),
            )


def _target(column: TableColumn, task: TableTask, where: str) -> tuple[Array, tuple[str, ...]]:
    """Return the targets: (n,) numbers of classes with their names, or (n, 1) values without."""
    lacks = column.lacks
    if not len(lacks):
        raise DataError("table_has_no_rows", where=where)
    if lacks.any():
        raise lacking(column.name, lacks, where)
    if task == "values" and column.kind == "text":
        raise DataError(
            "column_has_no_number_in_row",
            name=column.name,
            row=1,
            where=where,
            expected=phrase("values"),
            got=repr(column.values[0]),
        )
    numbers = None if column.kind == "text" else column.values
    whole = numbers is not None and bool((numbers == np.floor(numbers)).all())
    few = numbers is not None and len(np.unique(numbers)) <= MOST_WHOLE
    if numbers is not None and (task == "values" or (task == "auto" and not (whole and few))):
        return numbers[:, None].astype(np.float32), ()
    if numbers is not None and not whole:
        row = int(np.flatnonzero(numbers != np.floor(numbers))[0]) + 1
        raise DataError(
            "column_has_no_class_in_row", name=column.name, row=row, where=where, got=float(numbers[row - 1])
        )
    if numbers is not None:  # in the order of numbers, not of texts
        found, t = np.unique(numbers, return_inverse=True)
        names = tuple(map(str, as_texts(TableColumn(column.name, column.kind, found))))
    else:
        texts, t = np.unique(column.values.astype(str), return_inverse=True)
        names = tuple(map(str, texts))
    return t.astype(np.int64), names


def _check_finite(columns: Sequence[TableColumn], where: str) -> None:
    """Refuse numbers that float32, in which networks compute, cannot hold."""
    for column in columns:
        if column.kind == "text":
            continue
        with np.errstate(over="ignore"):
            wrong = np.isinf(column.values.astype(np.float32))
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0]) + 1
            raise DataError(
                "column_is_too_large_or_infinite",
                name=column.name,
                row=row,
                where=where,
                got=float(column.values[row - 1]),
            )
