"""Arrays as they are given: numbers of any kind become an array that compiled code takes, or one clear error.

| what comes                                                      | what becomes of it                   |
|-----------------------------------------------------------------|--------------------------------------|
| bool, integers, floats of any width, byte order, order in memory | the same numbers, copied where they  |
| (read-only, too); lists; whatever NumPy makes an array of       | do not lie one after another         |
| NaN and infinities                                              | kept                                 |
| finite numbers too large for the type in which a network works  | DataError: they would be infinite    |
| masked values                                                   | DataError: below a mask is no number |
| complex numbers, text, dates, Python objects, records           | DataError                            |
"""

from __future__ import annotations

from math import prod
from typing import Any, TypeGuard

import numpy as np

from koubai.core.errors import DataError, ShapeError
from koubai.core.params import Array, Shape
from koubai.words.phrase import phrase

_NUMBERS = "biuf"


def array_of(x: Any, name: str, where: str) -> Array:
    """Return what was given as an array, of whatever kind; nothing that NumPy refuses goes further."""
    if isinstance(x, np.ma.MaskedArray) and np.ma.is_masked(x):
        raise DataError(
            "array_has_masked_values", array=name, where=where, got=f"{np.ma.count_masked(x)} / {x.size}"
        )
    try:
        return np.asarray(x)
    except MemoryError:
        raise
    except Exception as error:  # an object may answer NumPy with whatever it likes
        said = str(error).splitlines() or [type(error).__name__]
        raise DataError(
            "no_array_can_be_made", array=name, where=where, got=f"{type(x).__name__}: {said[0]}"
        ) from None


def numbers_of(x: Any, name: str, where: str) -> Array:
    """Return an array of real numbers.

    Raises:
        DataError: see the table of this module.
    """
    array = array_of(x, name, where)
    if array.dtype.kind not in _NUMBERS:
        raise DataError(
            "not_array_of_real_numbers",
            name=name,
            where=where,
            got=phrase("dtype_and_shape", kind=array.dtype, shape=array.shape),
        )
    return array


def as_type(array: Array, dtype: str, name: str, where: str) -> Array:
    """Return numbers as `dtype`, one after another in memory; the array itself where it is so already."""
    with np.errstate(over="ignore", invalid="ignore"):
        made = np.ascontiguousarray(array, dtype)
    if array.dtype.kind == "f" and array.dtype.itemsize > made.dtype.itemsize:
        check_kept(array, made, name, where)
    return made


def check_kept(array: Array, made: Array, name: str, where: str) -> None:
    """Raise DataError where finite numbers became infinite ones in what was made of them."""
    if np.isfinite(made).all():
        return
    lost = ~np.isfinite(made) & np.isfinite(array)
    if lost.any():
        first = tuple(int(i) for i in np.argwhere(lost)[0])
        raise DataError(
            "values_are_too_large",
            array=name,
            count=int(lost.sum()),
            total=lost.size,
            dtype=made.dtype,
            where=where,
            got=phrase("value_at", value=array[first], place=first),
        )


def as_floats(array: Array) -> Array:
    """Return real numbers as floats: whole ones become float64, others stay."""
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def is_batch(x: Any, shape: Shape) -> bool:
    """Return whether x is an array of floats (n, *shape), as a network passes them from layer to layer."""
    plain = isinstance(x, np.ndarray) and not isinstance(x, np.ma.MaskedArray)
    return bool(plain and x.dtype.kind == "f" and x.ndim > 0 and x.shape[1:] == shape)


def is_numbers(x: Any) -> TypeGuard[Array]:
    """Return whether x is an array of real numbers, none of them masked."""
    return isinstance(x, np.ndarray) and not isinstance(x, np.ma.MaskedArray) and x.dtype.kind in _NUMBERS


def batch(x: Any, shape: Shape, name: str, where: str) -> Array:
    """Return numbers (n, *shape) as floats.

    Raises:
        ShapeError: they have another shape.
        DataError: they are no real numbers.
    """
    array = numbers_of(x, name, where)
    if not array.ndim or array.shape[1:] != shape:
        raise ShapeError(
            "array_has_another_shape", array=name, where=where, expected=_batch_of(shape), got=array.shape
        )
    return as_floats(array)


def samples(array: Array, in_shape: Shape, where: str) -> Array:
    """Return inputs (n, *in_shape); numbers (n,) are n samples for a network of one feature.

    Raises:
        ShapeError: another shape; names both, and what to try.
    """
    if array.shape[1:] == in_shape and array.ndim:
        return array
    if array.ndim == 1 and in_shape == (1,):
        return array[:, None]
    raise misfit(array.shape, in_shape, where)


def misfit(shape: Shape, in_shape: Shape, where: str) -> ShapeError:
    """Return the error of inputs whose shape is not (n, *in_shape)."""
    return ShapeError(
        "network_takes_another_shape",
        where=where,
        expected=_batch_of(in_shape),
        got=shape,
        hint=_way(shape, in_shape),
    )


def _batch_of(shape: Shape) -> str:
    return f"({', '.join(['n', *map(str, shape)])}{'' if shape else ','})"


def _way(shape: Shape, in_shape: Shape) -> str | None:
    """Return what brings an array to (n, *in_shape), where there is such a way."""
    if shape == in_shape:
        return phrase("this_is_one_sample")
    code = None
    sample = shape[1:]
    if in_shape[:1] == (1,) and sample == in_shape[1:]:
        code = "x[:, None]"
    elif len(sample) == len(in_shape) > 1 and (sample[-1], *sample[:-1]) == in_shape:
        code = f"x.transpose(0, {len(sample)}, {', '.join(map(str, range(1, len(sample))))})"
    elif len(shape) == 2 and shape[0] == in_shape[0] and len(in_shape) == 1:
        code = "x.T"
    elif shape and shape[0] and prod(sample) == prod(in_shape):
        code = f"x.reshape(-1, {', '.join(map(str, in_shape))})"
    elif shape and prod(shape) == prod(in_shape):
        code = f"x.reshape(1, {', '.join(map(str, in_shape))})"
    return None if code is None else phrase("bring_it_to_that_shape", code=code)
