"""Levels: inputs that stay the bytes they were stored as, with the way to their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from koubai.core.params import Array, Shape


@dataclass(frozen=True, eq=False)
class Levels:
    """Numbers of at most 256 levels, a byte each: x = (code - shift) / width, every operation in float32.

    They take a quarter of the numbers' memory, and of the time to fetch them from it. Some rows of Levels are
    Levels; `np.asarray` makes numbers of them.

    | field        | shape          |
    |--------------|----------------|
    | codes        | (n, ...) uint8 |
    | shift, width | float32        |
    """

    codes: Array
    shift: np.float32 = np.float32(0)
    width: np.float32 = np.float32(1)

    @property
    def shape(self) -> Shape:
        """Shape of the numbers."""
        return self.codes.shape

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: Any) -> Levels:
        return Levels(self.codes[rows], self.shift, self.width)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        x = np.subtract(self.codes, self.shift, dtype=np.float32)
        x /= self.width
        return x if dtype is None else x.astype(dtype, copy=False)


Inputs = Array | Levels


def as_inputs(x: Inputs, dtype: str) -> Inputs:
    """Return inputs as an engine takes them: contiguous, numbers of `dtype` or Levels that stand for such."""
    return x if isinstance(x, Levels) and dtype == "float32" else np.ascontiguousarray(x, dtype)
