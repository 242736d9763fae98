"""Digits: 8 x 8 handwritten digits that come with scikit-learn; needs no network."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from koubai.core import random
from koubai.core.params import Array
from koubai.data.dataset import DATA, DataSource
from koubai.data.prepare import Raw
from koubai.data.scale import ScaleName

TRAINING = 1200
_FILE = "datasets/data/digits.csv.gz"


@DATA.register
@dataclass(frozen=True)
class Digits(DataSource):
    """1,797 images of 8 x 8 pixels, ten classes (Alpaydin and Kaynak 1998); x (n, 1, 8, 8).

    A fixed permutation (`split_seed`) makes the first 1,200 the training part, the other 597 the test part.
    """

    split_seed: int = 0
    scale: ScaleName = field(default="unit", kw_only=True)

    def read(self, folder: Path | None) -> Raw:
        """Pixels are stored as 0 .. 16."""
        stored = _table()
        order = random.permutation(random.key(self.split_seed, "digits"), len(stored))
        x = stored[order, :-1].reshape(-1, 1, 8, 8)
        t = stored[order, -1].astype(np.int64)
        return Raw(
            x[:TRAINING],
            t[:TRAINING],
            x[TRAINING:],
            t[TRAINING:],
            classes=10,
            class_names=tuple("0123456789"),
            top=16,
        )


def _table() -> Array:
    """Return 64 pixels and the class of every image: (1797, 65), float64.

    To read scikit-learn's file takes a thirtieth of the time that importing scikit-learn does.
    """
    package = None if "sklearn" in sys.modules else find_spec("sklearn")
    file = Path(package.origin).parent / _FILE if package and package.origin else None
    if file is not None and file.is_file():
        return np.loadtxt(file, delimiter=",")
    from sklearn.datasets import load_digits

    stored = load_digits()
    return np.column_stack([stored.data, stored.target])
