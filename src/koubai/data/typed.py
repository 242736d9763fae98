"""Inputs and targets of any type, as a data set keeps them."""

from __future__ import annotations

from typing import Any

import numpy as np

from koubai.core.arrays import array_of, as_type, numbers_of
from koubai.core.errors import DataError, ShapeError
from koubai.core.params import Array
from koubai.words.phrase import phrase


def typed_inputs(x: Any, name: str, where: str) -> Array:
    """Return inputs as a Dataset keeps them: float32, or float64 where they come so."""
    array = (
        x if isinstance(x, np.ndarray) and not isinstance(x, np.ma.MaskedArray) else array_of(x, name, where)
    )
    if array.dtype in (np.float32, np.float64) and array.ndim:
        return array
    if not array.ndim:
        raise ShapeError("array_has_no_axis_of_samples", array=name, where=where, got=array.shape)
    return as_type(numbers_of(array, name, where), "float32", name, where)


def typed_targets(t: Any, classes: int | None, name: str, where: str) -> Array:
    """Return targets as a Dataset keeps them: (n,) int64 classes, or (n, K) floats."""
    array = array_of(t, name, where)
    kinds, most = ("iu", 1) if classes is not None else ("biuf", 2)
    if array.ndim < 1 or (len(array) and (array.dtype.kind not in kinds or array.ndim > most)):
        raise DataError(
            "not_targets_of_this_data_set",
            array=name,
            where=where,
            expected=phrase("integers_for_classes") if classes is not None else phrase("floats_for_values"),
            got=phrase("dtype_and_shape", kind=array.dtype, shape=array.shape),
        )
    if classes is not None:
        return _labels(array, classes, name, where)
    if not len(array):
        return array
    wide = array if array.ndim == 2 else array[:, None]
    return wide if wide.dtype in (np.float32, np.float64) else as_type(wide, "float32", name, where)


def _labels(t: Array, classes: int, name: str, where: str) -> Array:
    if len(t) and (t.min() < 0 or t.max() >= classes):
        raise DataError(
            "label_in_array_is_not_a_class",
            array=name,
            where=where,
            expected=f"0 .. {classes - 1}",
            got=f"{t.min()} .. {t.max()}",
        )
    return t.astype(np.int64, copy=False)
