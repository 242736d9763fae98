"""Arrays: data that is already in memory."""

from __future__ import annotations

import hashlib
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import ArrayLike

from koubai.core import random
from koubai.core.arrays import numbers_of
from koubai.core.errors import DataError, UnknownName
from koubai.core.params import Array
from koubai.data.dataset import DATA, DataSource
from koubai.data.frames import beside, columns_of, is_frame
from koubai.data.order import Split, check_test_share, mixed, reorder
from koubai.data.prepare import Raw, split
from koubai.data.sampler import check_weights
from koubai.data.tabular import TASKS, TableTask, table_raw
from koubai.data.targets import as_targets, check_finite, targets_of
from koubai.words.phrase import phrase

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

    def light(self) -> Arrays:
        """Return a source without its arrays, which are found where another source holds them."""
        twin = copy(self)
        object.__setattr__(twin, "_held", None)
        return twin

    @classmethod
    def of(
        cls,
        x: ArrayLike,
        t: ArrayLike,
        x_test: ArrayLike | None = None,
        t_test: ArrayLike | None = None,
        *,
        class_names: tuple[str, ...] = (),
        task: TableTask = "auto",
        test_share: float = 0.3,
        split_seed: int = 0,
        sample_weight: ArrayLike | None = None,
        **preparation: Any,
    ) -> Arrays:
        """Return a source of copies of these arrays.

        Args:
            x: inputs (n, ...), any real numbers; bytes count as pixels for `scale`. Or a table of pandas,
                polars ..., see koubai.data.table.
            t: targets: integers (n,) or (n, 1) are classes from 0, from 1, or -1 and 1; strings are names of
                classes; floats (n,) or (n, K) are values, but for a column of 0. and 1.
            x_test: inputs of the test part; None draws it from x and t, each class by its share.
            t_test: targets of the test part.
            class_names: names of classes 0, 1, 2 ...
            task: "classes" or "values" says it where this guesses wrong; see koubai.data.targets.
            test_share: size of the part that is drawn if x_test is None.
            split_seed: which samples these are, and the order of all.
            sample_weight: how much each sample of x counts in training, (n,), at least 0.
            preparation: the fields of DataSource: train, test, validation, scale ...

        Raises:
            DataError: sizes that differ, labels that are no classes, numbers that are not finite.
        """
        drawn = (test_share, split_seed)
        if task not in TASKS:
            raise UnknownName("task", task, TASKS, where="arrays")
        if x_test is None and is_frame(x):
            return cls.holding(_of_table(x, t, sample_weight, task, drawn), **preparation)
        raw = raw_of(
            x,
            t,
            x_test,
            t_test,
            weights=sample_weight,
            class_names=class_names,
            task=task,
            drawn=drawn,
            where="arrays",
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
        held: Raw | None = self.__dict__["_held"] or _HELD.get(self.sha256)
        if held is None:
            raise DataError("arrays_are_not_in_this_process", digest=self.sha256[:16], where="arrays")
        return held


def _of_table(x: Any, t: Any, weights: Any, task: TableTask, drawn: tuple[float, int]) -> Raw:
    """Return the samples of a table of inputs with its targets beside it."""
    target = beside(t, "arrays")
    whole = target.kind == "number" and np.asarray(t).dtype.kind in "iu"
    return table_raw(
        columns_of(x, "arrays"),
        target,
        weights=weights,
        task="classes" if whole and task == "auto" else task,
        test_share=drawn[0],
        split_seed=drawn[1],
        where="arrays",
    )


def raw_of(
    x: ArrayLike,
    t: ArrayLike,
    x_test: ArrayLike | None,
    t_test: ArrayLike | None,
    *,
    weights: ArrayLike | None = None,
    class_names: tuple[str, ...] = (),
    task: TableTask = "auto",
    drawn: tuple[float, int],
    where: str,
    own: bool = False,
) -> Raw:
    """Check arrays that come from outside and return copies of them as Raw; themselves if they are `own`.

    What is `own` is inputs of a type that is kept, or of whole numbers of 32 bits, and targets.

    Without x_test the samples are put into random order (koubai.data.order) and the last are the test part:
    `drawn` is its share and the seed of the order.
    """
    inputs, targets = _inputs(x, "x", where, own=own), as_targets(t, "t", where)
    del x, t
    _same_length(inputs, targets, ("x", "t"), where)
    kept = None if weights is None else check_weights(weights, len(inputs), where)
    if (x_test is None) != (t_test is None):
        raise DataError("x_test_and_t_test_go_together", where=where)
    parted: Split = "given"
    if x_test is not None and t_test is not None:
        inputs_test = _inputs(x_test, "x_test", where, own=own)
        targets_test = as_targets(t_test, "t_test", where)
        _same_length(inputs_test, targets_test, ("x_test", "t_test"), where)
        (t_train, t_rest), classes, names = targets_of(targets, targets_test, class_names, task, where)
        if not own:
            t_train, t_rest = t_train.copy(), t_rest.copy()
    else:
        test_share, seed = drawn
        check_test_share(test_share, where)
        (kept_t, _), classes, names = targets_of(targets, targets[:0], class_names, task, where)
        small = targets.dtype.kind in "biu"  # often smaller than int64; both are in one order
        labels = None if classes is None else targets.reshape(len(targets)) if small else kept_t
        del targets
        order, parted = mixed(random.key(seed, "arrays"), labels, len(kept_t))
        reorder(inputs, order)
        kept_t = kept_t if own else kept_t.copy()
        reorder(kept_t, order)
        inputs, t_train, inputs_test, t_rest = split(inputs, kept_t, test_share)
        kept = None if kept is None else kept[order][: len(inputs)]
    top = 255.0 if inputs.dtype == np.uint8 else None
    return Raw(
        inputs,
        t_train,
        inputs_test,
        t_rest,
        classes=classes,
        class_names=names,
        top=top,
        w_train=kept,
        parted=parted,
    )


def _inputs(x: ArrayLike, name: str, where: str, *, own: bool) -> Array:
    array = numbers_of(x, name, where)
    if array.ndim < 1:
        raise DataError(
            "not_array_of_real_numbers",
            name=name,
            where=where,
            got=phrase("dtype_and_shape", kind=array.dtype, shape="()"),
        )
    check_finite(array, name, where)
    if not own:
        array = np.array(array, type_kept(array.dtype))
    return array[:, None] if array.ndim == 1 else array


def type_kept(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type in which inputs are kept as stored: bytes and floats stay, others are exact in it."""
    if dtype in (np.uint8, np.float32, np.float64):
        return dtype
    return np.dtype(np.float32 if np.can_cast(dtype, np.float32) else np.float64)  # 16 bits are exact there


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
