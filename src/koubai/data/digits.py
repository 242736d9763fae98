"""Digits: 8 x 8 handwritten digits that come with scikit-learn; needs no network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from koubai.core import random
from koubai.data.dataset import DATA, Dataset, DataSource


@DATA.register
@dataclass(frozen=True)
class Digits(DataSource):
    """1,797 images of 8 x 8 pixels in [0, 1], ten classes (Alpaydin and Kaynak 1998).

    Split by a fixed permutation (`split_seed`): `train`, then `validation`, the rest is the test part.
    """

    train: int = 1200
    validation: int = 0
    split_seed: int = 0

    def load(self, folder: Path | None = None) -> Dataset:
        """x (n, 1, 8, 8)."""
        from sklearn.datasets import load_digits

        raw = load_digits()
        order = random.permutation(random.key(self.split_seed, "digits"), len(raw.target))
        x = (raw.images[order] / 16.0).astype(np.float32)[:, None]
        t = raw.target[order].astype(np.int64)
        a, b = self.train, self.train + self.validation
        names = tuple(str(digit) for digit in range(10))
        return Dataset("digits", x[:a], t[:a], x[b:], t[b:], x[a:b], t[a:b], 10, names)
