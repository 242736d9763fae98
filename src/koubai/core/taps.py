"""Taps: the sums an engine takes of a tensor at a probed step; every probe derives its number from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np

from koubai.core.params import Array

Number = Any
"""A float or int; or an array of them, one for each of several steps."""


@dataclass(frozen=True, kw_only=True)
class Squares:
    """How large one tensor is, as sums over its elements, at one step or at each of several."""

    count: int
    total_square: Number
    nonfinite: Number

    @property
    def norm(self) -> Number:
        """Euclidean norm."""
        return np.sqrt(self.total_square)

    @property
    def rms(self) -> Number:
        """Root mean square."""
        return np.sqrt(self.total_square / self.count) if self.count else 0.0


@dataclass(frozen=True, kw_only=True)
class Magnitudes(Squares):
    """Squares, and how large the elements are on average."""

    total_abs: Number

    @property
    def mean_abs(self) -> Number:
        """Mean of absolute values."""
        return self.total_abs / self.count if self.count else 0.0


@dataclass(frozen=True, kw_only=True)
class Moments(Squares):
    """Squares, and where the elements lie.

    `units`, where asked for, holds a row (count of nonzeros, sum, sum of squares) for every unit of an
    activation: axis 1 of the tensor, a feature or a channel; shape (units, 3), float64; of several steps
    (steps, units, 3).
    """

    total: Number
    zeros: Number
    units: Array | None = None

    @property
    def mean(self) -> Number:
        """Mean."""
        return self.total / self.count if self.count else 0.0

    @property
    def std(self) -> Number:
        """Population standard deviation."""
        if not self.count:
            return 0.0
        # Rounding may make a variance of 0 negative; NaN stays NaN.
        return np.sqrt(np.maximum(self.total_square / self.count - self.mean**2, 0.0))

    @property
    def zero_share(self) -> Number:
        """Share of exact zeros."""
        return self.zeros / self.count if self.count else 0.0


class Taken(TypedDict, total=False):
    """What is taken at one path, by role: what some probe reads, and no more."""

    activation: Moments
    activation_gradient: Magnitudes
    weight: Squares
    weight_gradient: Magnitudes
    update: Squares


def squares(x: Array) -> Squares:
    """Return the sums of an array, taken in float64 (the definition for every engine)."""
    wide = np.asarray(x, np.float64)
    return Squares(
        count=x.size, total_square=float((wide**2).sum()), nonfinite=int((~np.isfinite(wide)).sum())
    )


def magnitudes(x: Array) -> Magnitudes:
    """Return the sums of an array of gradients, taken in float64."""
    return Magnitudes(**vars(squares(x)), total_abs=float(np.abs(np.asarray(x, np.float64)).sum()))


def moments(x: Array, *, units: bool = False) -> Moments:
    """Return the sums of an array of outputs, taken in float64."""
    wide = np.asarray(x, np.float64)
    per_unit = None
    if units and x.ndim >= 2:
        columns = np.moveaxis(wide, 1, 0).reshape(x.shape[1], -1)
        per_unit = np.stack(
            [(columns != 0).sum(axis=1), columns.sum(axis=1), (columns**2).sum(axis=1)], axis=1
        ).astype(np.float64)
    return Moments(
        **vars(squares(wide)), total=float(wide.sum()), zeros=int((wide == 0).sum()), units=per_unit
    )


def taken(x: Array, role: str, *, units: bool = False) -> Squares:
    """Return what is taken of an array in a role."""
    if role == "activation":
        return moments(x, units=units)
    return magnitudes(x) if role.endswith("gradient") else squares(x)
