"""Targets of arrays: what they are taken for, classes or values, and how classes are numbered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from koubai.core.arrays import array_of
from koubai.core.errors import DataError
from koubai.core.params import Array
from koubai.data.tabular import TableTask
from koubai.words.phrase import phrase

MAX_CLASSES = 1 << 16
_AT_ONCE = 1 << 18  # numbers looked at
_NAMES_AT_ONCE = 1 << 21  # bytes
_KINDS = {"f": "values", "b": "classes", "i": "classes", "u": "classes", "U": "names"}


def as_targets(t: Any, name: str, where: str) -> Array:
    """Return targets as an array; names of classes that come as Python objects become text."""
    array = array_of(t, name, where)
    if array.ndim == 2 and array.shape[1] == 1 and array.dtype.kind != "f":
        array = array[:, 0]  # a column of labels
    if array.dtype.kind in "OT" and array.ndim == 1 and all(isinstance(each, str) for each in array):
        return array.astype(str)
    return array


def check_finite(array: Array, name: str, where: str) -> None:
    """Refuse what float32, in which networks compute, cannot hold: NaN, infinities, numbers beyond 3e38."""
    if array.dtype.kind != "f":
        return  # whole numbers of 64 bits are all of them less
    rows = max(1, _AT_ONCE // max(1, array[:1].size))
    bad, first = 0, None
    for at in range(0, len(array), rows):
        with np.errstate(over="ignore"):
            wrong = ~np.isfinite(array[at : at + rows].astype(np.float32))
        if wrong.any() and first is None:
            row, *rest = map(int, np.argwhere(wrong)[0])
            first = (at + row, *rest)
        bad += int(wrong.sum())
    if first is not None:
        raise DataError(
            "values_are_not_finite",
            name=name,
            count=bad,
            total=array.size,
            where=where,
            got=phrase("value_at", value=array[first], place=first),
        )


def targets_of(
    train: Array, test: Array, names: tuple[str, ...], task: TableTask, where: str
) -> tuple[tuple[Array, Array], int | None, tuple[str, ...]]:
    """Return both parts of the targets, the number of classes (None for values) and their names.

    Values that are float32 are returned as they are, not copied.

    | task    | what becomes classes                                                                     |
    |---------|------------------------------------------------------------------------------------------|
    | auto    | texts, truths, whole numbers by type; floats (n,) or (n, 1) that are 0. and 1., and both |
    |         | are there. Labels -1 and 1, or 1 .. K all of which are there, are numbered from 0        |
    | classes | the same, and all floats that are whole; numbers stand for the classes as they are       |
    | values  | nothing                                                                                  |
    """
    kinds = {_KINDS.get(part.dtype.kind, "?") for part in (train, test)}
    if task == "values" and kinds == {"classes"}:
        train, test, kinds = train.astype(np.float64), test.astype(np.float64), {"values"}
    if kinds == {"values"} and train.ndim in (1, 2):
        check_finite(train, "t", where)
        check_finite(test, "t_test", where)
        whole = _whole(train, test, task)
        if not whole and task != "classes":
            wide = [part[:, None] if part.ndim == 1 else part for part in (train, test)]
            return (np.asarray(wide[0], np.float32), np.asarray(wide[1], np.float32)), None, ()
        if not whole and train.size == len(train) and test.size == len(test):
            name, part = ("t_test", test) if _all_whole(train) else ("t", train)
            row = int(np.flatnonzero(part.reshape(-1) != np.floor(part.reshape(-1)))[0])
            value = float(part.flat[row])
            raise DataError("target_in_row_is_no_class", name=name, row=row + 1, where=where, got=value)
        if whole:
            train, test = (part.reshape(len(part)).astype(np.int64) for part in (train, test))
            kinds = {"classes"}
    if task == "values" and kinds == {"names"} and train.size:
        raise DataError("target_in_row_is_no_value", row=1, where=where, got=repr(str(train.flat[0])))
    if train.ndim != 1 or test.ndim != 1 or kinds not in ({"classes"}, {"names"}):
        got = ", ".join(f"{part.dtype} {part.shape}" for part in (train, test) if part.size)
        raise DataError("t_neither_classes_nor_values", where=where, got=got)
    if kinds == {"names"}:
        found = _different(train, test)
        names = tuple(str(name) for name in found)
        train, test = _places(found, train), _places(found, test)
    elif not names:
        train, test, names = _numbered(train, test, task)
    labels = np.concatenate([train, test])
    count = len(names) or int(labels.max(initial=0)) + 1
    if len(labels) and (labels.min() < 0 or labels.max() >= count or count > MAX_CLASSES):
        raise DataError(
            "label_in_array_is_not_a_class",
            array="t",
            where=where,
            expected=f"0 .. {min(count, MAX_CLASSES) - 1}",
            got=f"{labels.min()} .. {labels.max()}",
            hint=phrase("give_values_not_classes_as_floats"),
        )
    return (train.astype(np.int64), test.astype(np.int64)), count, names


def _different(*parts: Array) -> Array:
    """Return the names there are, in order; of more than can be classes not all. No part is copied."""
    found: set[str] = set()
    for part in parts:
        for piece in _pieces(part):
            found.update(np.unique(part[piece]).tolist())
            if len(found) > MAX_CLASSES:
                break
    return np.array(sorted(found), np.result_type(*parts))


def _places(found: Array, part: Array) -> Array:
    """Return the place of each name among all."""
    places = np.empty(len(part), np.int64)
    for piece in _pieces(part):
        places[piece] = np.searchsorted(found, part[piece])
    return places


def _pieces(part: Array) -> Iterator[slice]:
    """Yield slices that take a column apart into pieces of bounded size."""
    rows = max(1, _NAMES_AT_ONCE // max(1, part.itemsize))
    for at in range(0, len(part), rows):
        yield slice(at, at + rows)


def _whole(train: Array, test: Array, task: TableTask) -> bool:
    """Return whether floats are labels: a column of 0. and 1.; any whole numbers where asked for."""
    if task == "values" or train.size != len(train) or test.size != len(test):
        return False
    if task == "classes":
        return _all_whole(train) and _all_whole(test)
    return np.array_equal(np.unique(train), (0, 1)) and bool(np.isin(test, (0, 1)).all())


def _all_whole(t: Array) -> bool:
    return bool((t == np.floor(t)).all())


def _numbered(train: Array, test: Array, task: TableTask) -> tuple[Array, Array, tuple[str, ...]]:
    """Return whole numbers as classes from 0, with their names where they did not begin there."""
    if train.dtype.kind == "b":
        return train, test, ()
    there = np.unique(np.concatenate([train, test]))
    if np.array_equal(there, (-1, 1)):
        return train > 0, test > 0, ("-1", "1")
    if task == "auto" and 1 < len(there) <= MAX_CLASSES and there[0] == 1 and there[-1] == len(there):
        return train.astype(np.int64) - 1, test.astype(np.int64) - 1, tuple(map(str, there))
    return train, test, ()
