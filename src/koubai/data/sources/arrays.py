"""Arrays: data that is already in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import ArrayLike

from koubai.core import random
from koubai.core.door import array_of, numbers_of
from koubai.core.errors import DataError
from koubai.core.params import Array
from koubai.data.dataset import DATA, DataSource
from koubai.data.frames import beside, columns_of, is_frame
from koubai.data.prepare import Raw, split
from koubai.data.sampler import check_weights
from koubai.data.tabular import table_raw
from koubai.words.phrase import phrase

MAX_CLASSES = 1 << 16
_AT_ONCE = 1 << 18  # numbers looked at
_KINDS = {"f": "values", "b": "classes", "i": "classes", "u": "classes", "U": "names"}
_HELD: WeakValueDictionary[str, Raw] = WeakValueDictionary()


@DATA.register
@dataclass(frozen=True)
class Arrays(DataSource):
    """Arrays from Python, known by their content: equal arrays make equal sources, in any process.

    Made by `koubai.data.arrays(x, t)`. A recipe file holds the digest only, and so can be read again where
    the same arrays are in memory; a pickled source takes its arrays along.
    """

    sha256: str

    def __post_init__(self) -> None:
        super().__post_init__()
        # Not a field: the digest says all there is to say, in comparisons and in recipe files.
        object.__setattr__(self, "_held", _HELD.get(self.sha256))

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self.__dict__["_held"] is not None:
            _HELD.setdefault(self.sha256, self.__dict__["_held"])

    @classmethod
    def of(
        cls,
        x: ArrayLike,
        t: ArrayLike,
        x_test: ArrayLike | None = None,
        t_test: ArrayLike | None = None,
        *,
        class_names: tuple[str, ...] = (),
        test_share: float = 0.3,
        split_seed: int = 0,
        sample_weight: ArrayLike | None = None,
        **preparation: Any,
    ) -> Arrays:
        """Return a source of copies of these arrays.

        Args:
            x: inputs (n, ...), any real numbers; bytes count as pixels for `scale`. Or a table of pandas,
                polars ..., see koubai.data.table.
            t: targets: integers (n,) or (n, 1) are classes from 0, or -1 and 1; strings are names of classes;
                floats (n,) or (n, K) are values.
            x_test: inputs of the test part; None draws it from x and t, which may be sorted by class.
            t_test: targets of the test part.
            class_names: names of classes 0, 1, 2 ...
            test_share: size of the part that is drawn if x_test is None.
            split_seed: which samples these are, and the order of all.
            sample_weight: how much each sample of x counts in training, (n,), at least 0.
            preparation: the fields of DataSource: train, test, validation, scale ...

        Raises:
            DataError: sizes that differ, labels that are no classes, numbers that are not finite.
        """
        drawn = (test_share, split_seed)
        if x_test is None and is_frame(x):
            target = beside(t, "arrays")
            whole = target.kind == "number" and np.asarray(t).dtype.kind in "iu"
            raw = table_raw(
                columns_of(x, "arrays"),
                target,
                weights=sample_weight,
                task="classes" if whole else "auto",
                test_share=test_share,
                split_seed=split_seed,
                where="arrays",
            )
            return cls.holding(raw, **preparation)
        raw = raw_of(
            x, t, x_test, t_test, weights=sample_weight, class_names=class_names, drawn=drawn, where="arrays"
        )
        return cls.holding(raw, **preparation)

    @classmethod
    def holding(cls, raw: Raw, **preparation: Any) -> Arrays:
        """Return a source of samples that were checked already."""
        digest = _digest(raw)
        raw = _HELD.setdefault(digest, raw)  # keeps it alive until the source holds it
        return cls(digest, **preparation)

    def read(self, folder: Path | None) -> Raw:
        """Return the arrays in memory."""
        held: Raw | None = self.__dict__["_held"]
        if held is None:
            raise DataError("arrays_are_not_in_this_process", digest=self.sha256[:16], where="arrays")
        return held


def raw_of(
    x: ArrayLike,
    t: ArrayLike,
    x_test: ArrayLike | None,
    t_test: ArrayLike | None,
    *,
    weights: ArrayLike | None = None,
    class_names: tuple[str, ...] = (),
    drawn: tuple[float, int],
    where: str,
    own: bool = False,
) -> Raw:
    """Check arrays that come from outside and return copies of them as Raw; themselves if they are `own`.

    Without x_test the samples are put into random order and the last are the test part: `drawn` is its
    share and the seed of the order.
    """
    inputs, targets = _inputs(x, "x", where, own=own), _of_targets(t, "t", where)
    _same_length(inputs, targets, ("x", "t"), where)
    kept = None if weights is None else check_weights(weights, len(inputs), where)
    if (x_test is None) != (t_test is None):
        raise DataError("x_test_and_t_test_go_together", where=where)
    if x_test is not None and t_test is not None:
        inputs_test = _inputs(x_test, "x_test", where, own=own)
        targets_test = _of_targets(t_test, "t_test", where)
        _same_length(inputs_test, targets_test, ("x_test", "t_test"), where)
    else:
        test_share, seed = drawn
        if not 0 <= test_share < 1:
            raise DataError(
                "not_a_share",
                setting="test_share",
                where=where,
                expected=phrase("from_0_to_below_1"),
                got=test_share,
            )
        order = random.permutation(random.key(seed, "arrays"), len(inputs))
        reorder(inputs, order)
        inputs, targets, inputs_test, targets_test = split(inputs, targets[order], test_share)
        kept = None if kept is None else kept[order][: len(inputs)]
    (t_train, t_rest), classes, names = _targets(targets, targets_test, class_names, where)
    top = 255.0 if inputs.dtype == np.uint8 else None
    return Raw(
        inputs, t_train, inputs_test, t_rest, classes=classes, class_names=names, top=top, w_train=kept
    )


def reorder(x: Array, order: Array) -> None:
    """Put samples into another order where they lie; beside them it takes a quarter of their memory."""
    if not x.size:
        return
    if x.flags.c_contiguous:
        rows = x.reshape(len(x), -1).view(np.uint8)
        width = -(-rows.shape[1] // 4)
        for at in range(0, rows.shape[1], width):
            rows[:, at : at + width] = rows[order, at : at + width]
    else:
        for column in np.ndindex(x.shape[1:]):
            x[:, *column] = x[order, *column]


def _inputs(x: ArrayLike, name: str, where: str, *, own: bool) -> Array:
    array = numbers_of(x, name, where)
    if array.ndim < 1:
        raise DataError(
            "not_array_of_real_numbers",
            name=name,
            where=where,
            got=phrase("dtype_and_shape", kind=array.dtype, shape="()"),
        )
    _check_finite(array, name, where)
    kept = array.dtype in (np.uint8, np.float32, np.float64)
    small = np.can_cast(array.dtype, np.float32)  # 16 bits are exact there
    array = np.array(
        array, array.dtype if kept else np.float32 if small else np.float64, copy=None if own else True
    )
    return array[:, None] if array.ndim == 1 else array


def _of_targets(t: ArrayLike, name: str, where: str) -> Array:
    """Return targets as an array; names of classes that come as Python objects become text."""
    array = array_of(t, name, where)
    if array.ndim == 2 and array.shape[1] == 1 and array.dtype.kind != "f":
        array = array[:, 0]  # a column of labels
    if array.dtype.kind in "OT" and array.ndim == 1 and all(isinstance(each, str) for each in array):
        return array.astype(str)
    return array


def _check_finite(array: Array, name: str, where: str) -> None:
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


def _targets(
    train: Array, test: Array, names: tuple[str, ...], where: str
) -> tuple[tuple[Array, Array], int | None, tuple[str, ...]]:
    """Return both parts of the targets, the number of classes (None for values) and their names."""
    kinds = {_KINDS.get(part.dtype.kind, "?") for part in (train, test)}
    if kinds == {"values"} and train.ndim in (1, 2):
        _check_finite(train, "t", where)
        _check_finite(test, "t_test", where)
        wide = [part[:, None] if part.ndim == 1 else part for part in (train, test)]
        return (np.array(wide[0], np.float32), np.array(wide[1], np.float32)), None, ()
    if train.ndim != 1 or test.ndim != 1 or kinds not in ({"classes"}, {"names"}):
        raise DataError(
            "t_neither_classes_nor_values",
            where=where,
            one=f"{train.dtype} {train.shape}",
            other=f"{test.dtype} {test.shape}",
        )
    if kinds == {"names"}:
        found = np.unique(np.concatenate([train, test]))
        names = tuple(str(name) for name in found)
        train, test = np.searchsorted(found, train), np.searchsorted(found, test)
    labels = np.concatenate([train, test])
    if not names and np.array_equal(np.unique(labels), (-1, 1)):
        train, test, names = train > 0, test > 0, ("-1", "1")
        labels = labels > 0
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


def _same_length(x: Array, t: Array, names: tuple[str, str], where: str) -> None:
    if t.ndim < 1 or len(x) != len(t):
        count: object = len(t) if t.ndim else phrase("a_single_number")
        one, other = names
        raise DataError("arrays_differ_in_number", one=one, other=other, x=len(x), t=count, where=where)


def _digest(raw: Raw) -> str:
    digest = hashlib.sha256(repr((raw.classes, raw.class_names)).encode())
    if raw.scheme is not None:
        digest.update(repr(raw.scheme).encode())
    for array in (raw.x_train, raw.t_train, raw.x_test, raw.t_test):
        digest.update(repr((array.shape, array.dtype.str)).encode())
        digest.update(np.ascontiguousarray(array).data)
    if raw.w_train is not None:
        digest.update(raw.w_train.data)
    return digest.hexdigest()
