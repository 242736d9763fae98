"""Levels: inputs that stay the bytes they were stored as, with the way to their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from koubai.core.arrays import as_type, misfit, numbers_of, samples
from koubai.core.errors import DataError, ShapeError
from koubai.core.params import Array, Shape
from koubai.data.scale import InputScale


@dataclass(frozen=True, eq=False)
class Levels:
    """Numbers of at most 256 levels, a byte each: x = (code - shift) / width, every operation in float32.

    They take a quarter of the numbers' memory, and of the time to fetch them from it. Some rows of Levels are
    Levels; `np.asarray` makes numbers of them.

    | field        | shape          |
    |--------------|----------------|
    | codes        | (n, ...) uint8 |
    | shift, width | float32        |

    Raises DataError where codes are no bytes.
    """

    codes: Array
    shift: np.float32 = np.float32(0)
    width: np.float32 = np.float32(1)

    def __post_init__(self) -> None:
        codes = self.codes
        if not isinstance(codes, np.ndarray) or codes.dtype != np.uint8:
            got = codes.dtype if isinstance(codes, np.ndarray) else type(codes).__name__
            raise DataError("codes_are_bytes", where="Levels", got=got)
        if codes.ndim < 1:
            raise ShapeError("codes_have_no_axis_of_samples", where="Levels", got=codes.shape)

    @property
    def shape(self) -> Shape:
        """Shape of the numbers."""
        return self.codes.shape

    @property
    def scale(self) -> InputScale:
        """The way to their numbers."""
        ways = ((self.shift, 0), (self.width, 1))
        shift, width = (None if n == usual else np.asarray(n, np.float64) for n, usual in ways)
        return InputScale("uint8", shift, width)

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: Any) -> Levels:
        return Levels(self.codes[rows], self.shift, self.width)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        x = np.subtract(self.codes, self.shift, dtype=np.float32)
        x /= self.width
        return x if dtype is None else x.astype(dtype, copy=False)


Inputs = Array | Levels


def as_inputs(x: Any, in_shape: Shape, dtype: str, where: str) -> Inputs:
    """Return inputs (n, *in_shape) as an engine takes them: one after another, numbers of `dtype` or Levels.

    Raises:
        ShapeError: they have another shape.
        DataError: they are not numbers; see koubai.core.arrays.
    """
    if isinstance(x, Levels) and dtype == "float32":
        if x.shape[1:] != in_shape:
            raise misfit(x.shape, in_shape, where)
        return Levels(np.ascontiguousarray(x.codes), x.shift, x.width)
    return as_type(samples(numbers_of(x, "x", where), in_shape, where), dtype, "x", where)


def as_numbers(x: Any, in_shape: Shape, dtype: str, where: str) -> Array:
    """Return inputs as an engine takes them that knows no Levels; raises as `as_inputs` does."""
    inputs = as_inputs(np.asarray(x) if isinstance(x, Levels) else x, in_shape, dtype, where)
    assert not isinstance(inputs, Levels)  # they became numbers
    return inputs
