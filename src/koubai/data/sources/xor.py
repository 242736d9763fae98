"""Xor: the smallest problem that one layer cannot solve."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from koubai.core import random
from koubai.core.checks import at_least
from koubai.core.params import Array
from koubai.data.dataset import DATA, DataSource
from koubai.data.prepare import Raw


@DATA.register
@dataclass(frozen=True)
class Xor(DataSource):
    """The truth table of 'exclusive or', again and again: t = x1 xor x2; x (n, 2).

    By default the four corners of the unit square, once; the test part is the same table. With `noise`
    (a standard deviation) every sample lies near its corner, and the test part has noise of its own.
    Source: Minsky and Papert 1969, "Perceptrons".
    """

    n: int = 4
    noise: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 4, n=self.n)
        at_least(self, 0, noise=self.noise)

    def values(self) -> int:
        """Inputs and targets of all samples."""
        return 2 * self.n * 3

    def read(self, folder: Path | None) -> Raw:
        """Draw both parts."""
        corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float64)[np.arange(self.n) % 4]
        t = (corners[:, 0] != corners[:, 1]).astype(np.int64)

        def near(part: str) -> Array:
            noise = random.generator(self.seed, "xor", part).standard_normal(corners.shape)
            return corners + self.noise * noise

        return Raw(near("train"), t, near("test"), t.copy(), classes=2, class_names=("equal", "different"))
