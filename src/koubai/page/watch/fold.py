"""Fold: a series of any length in a bounded number of cells, each of which knows when it last changed.

A cell covers `width` steps. When the steps outgrow the cells, two become one and the width doubles. Whoever
has seen everything up to a version asks for the cells that changed since: as many bytes as there is news,
and never more than all cells.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from koubai.core.params import Array

Cells = list[list[Any]]


class Fold:
    """One series: mean, least and greatest of each cell, and how many numbers in it were not finite."""

    def __init__(self, most: int) -> None:
        """Take no more than `most` cells, an even number."""
        self.most, self.width = most, 1
        self._sum, self._low, self._high = np.zeros(most), np.full(most, math.inf), np.full(most, -math.inf)
        self._count, self._bad = np.zeros(most, np.int64), np.zeros(most, np.int64)
        self._version = np.zeros(most, np.int64)

    def add(self, steps: Array, values: Array, version: int) -> None:
        """Take in numbers; steps are 0 or more, in any order."""
        if not len(steps):
            return
        while int(steps.max()) // self.width >= self.most:
            self._halve(version)
        at, fine = steps // self.width, np.isfinite(values)
        with np.errstate(over="ignore"):
            np.add.at(self._sum, at[fine], values[fine])
        np.minimum.at(self._low, at[fine], values[fine])
        np.maximum.at(self._high, at[fine], values[fine])
        np.add.at(self._count, at[fine], 1)
        np.add.at(self._bad, at[~fine], 1)
        self._version[at] = version

    def _halve(self, version: int) -> None:
        half = self.most // 2
        for name, join, empty in (
            ("_sum", np.add, 0.0),
            ("_low", np.minimum, math.inf),
            ("_high", np.maximum, -math.inf),
            ("_count", np.add, 0),
            ("_bad", np.add, 0),
        ):
            pairs = getattr(self, name).reshape(half, 2)
            with np.errstate(over="ignore"):
                joined = join(pairs[:, 0], pairs[:, 1])
            setattr(self, name, np.concatenate([joined, np.full(half, empty, joined.dtype)]))
        self._version = np.where(self._count + self._bad > 0, version, 0)
        self.width *= 2

    def since(self, version: int) -> Cells:
        """Return [cell, mean, low, high, not finite] of each cell that changed after a version."""
        found: Cells = []
        for i in np.flatnonzero((self._version > version) & (self._count + self._bad > 0)).tolist():
            count, bad = int(self._count[i]), int(self._bad[i])
            mean = self._sum[i] / count if count else math.nan
            low, high = (self._low[i], self._high[i]) if count else (math.nan, math.nan)
            found.append([i, *map(short, (mean, low, high)), bad])
        return found


def short(value: float) -> float | None:
    """Return a number with five digits, None for what JSON has not."""
    return float(f"{value:.5g}") if math.isfinite(value) else None
