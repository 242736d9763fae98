"""Taps: the sums an engine takes of a tensor at a probed step; every probe derives its number from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from koubai.core.params import Array

ROLES = ("activation", "activation_gradient", "weight", "weight_gradient", "update")


Number = Any
"""A float or int; or an array of them, one for each of several steps."""


@dataclass(frozen=True)
class Moments:
    """Sums over all elements of one tensor at one step, or at each of several steps.

    `units`, where asked for, holds a row (count of nonzeros, sum, sum of squares) for every unit of an
    activation: axis 1 of the tensor, a feature or a channel; shape (units, 3), float64; of several steps
    (steps, units, 3).
    """

    count: int
    total: Number
    total_abs: Number
    total_square: Number
    zeros: Number
    max_abs: Number
    nonfinite: Number
    units: Array | None = None

    @property
    def mean(self) -> Number:
        """Mean."""
        return self.total / self.count if self.count else 0.0

    @property
    def mean_abs(self) -> Number:
        """Mean of absolute values."""
        return self.total_abs / self.count if self.count else 0.0

    @property
    def std(self) -> Number:
        """Population standard deviation."""
        if not self.count:
            return 0.0
        # Rounding may leave less than nothing of a variance of 0; NaN stays NaN.
        return np.sqrt(np.maximum(self.total_square / self.count - self.mean**2, 0.0))

    @property
    def norm(self) -> Number:
        """Euclidean norm."""
        return np.sqrt(self.total_square)

    @property
    def zero_share(self) -> Number:
        """Share of exact zeros."""
        return self.zeros / self.count if self.count else 0.0


def moments(x: Array, *, units: bool = False) -> Moments:
    """Return the sums of an array, taken in float64 (the definition for every engine)."""
    wide = x.astype(np.float64)
    magnitude = np.abs(wide)
    per_unit = None
    if units and x.ndim >= 2:
        columns = np.moveaxis(wide, 1, 0).reshape(x.shape[1], -1)
        per_unit = np.stack(
            [(columns != 0).sum(axis=1), columns.sum(axis=1), (columns**2).sum(axis=1)], axis=1
        ).astype(np.float64)
    return Moments(
        count=x.size,
        total=float(wide.sum()),
        total_abs=float(magnitude.sum()),
        total_square=float((wide**2).sum()),
        zeros=int((wide == 0).sum()),
        max_abs=float(magnitude.max(initial=0.0)),
        nonfinite=int((~np.isfinite(wide)).sum()),
        units=per_unit,
    )
