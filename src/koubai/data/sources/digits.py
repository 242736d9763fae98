"""Digits: 8 x 8 handwritten digits that come with scikit-learn; needs no network."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from koubai.core import random
from koubai.data.dataset import DATA, DataSource
from koubai.data.prepare import Raw
from koubai.data.scale import Scale

TRAINING = 1200


@DATA.register
@dataclass(frozen=True)
class Digits(DataSource):
    """1,797 images of 8 x 8 pixels, ten classes (Alpaydin and Kaynak 1998); x (n, 1, 8, 8).

    A fixed permutation (`split_seed`) makes the first 1,200 the training part, the other 597 the test part.
    """

    split_seed: int = 0
    scale: Scale = field(default="unit", kw_only=True)

    def read(self, folder: Path | None) -> Raw:
        """Pixels are stored as 0 .. 16."""
        from sklearn.datasets import load_digits

        stored = load_digits()
        order = random.permutation(random.key(self.split_seed, "digits"), len(stored.target))
        x = stored.images[order][:, None]
        t = stored.target[order].astype(np.int64)
        return Raw(
            x[:TRAINING],
            t[:TRAINING],
            x[TRAINING:],
            t[TRAINING:],
            classes=10,
            class_names=tuple("0123456789"),
            top=16,
        )
