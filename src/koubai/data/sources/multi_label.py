"""MultiLabel: samples that may have several labels at once, or none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from koubai.core import random
from koubai.core.checks import at_least, share, whole
from koubai.data.dataset import DATA, DataSource
from koubai.data.prepare import Raw, split


@DATA.register
@dataclass(frozen=True)
class MultiLabel(DataSource):
    """t_k = 1 where (x A)_k + noise > 0, else 0; x (n, features), t (n, labels).

    | symbol | name                                                                     |
    |--------|--------------------------------------------------------------------------|
    | x      | inputs, standard normal                                                  |
    | A      | slopes, normal with variance 1 / features, so that Var(x A) is about 1   |
    | noise  | standard deviation of normal noise, which makes labels near the edge err |

    Each label is on in about half of the samples, whatever the others are: the outputs are no distribution
    over classes, so a softmax cannot give them.
    """

    n: int = 1000
    features: int = 20
    labels: int = 3
    noise: float = 0.1
    seed: int = 0
    test_share: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        whole(self, 2, n=self.n)
        whole(self, 1, features=self.features, labels=self.labels)
        at_least(self, 0, noise=self.noise)
        share(self, test_share=self.test_share)

    def values(self) -> int:
        """Inputs and targets of all samples."""
        return self.n * (self.features + self.labels) + self.features * self.labels

    def read(self, folder: Path | None) -> Raw:
        """Draw slopes, inputs, noise."""
        draw = random.generator(self.seed, "multi label")
        slopes = draw.standard_normal((self.features, self.labels)) / np.sqrt(self.features)
        x = draw.standard_normal((self.n, self.features))
        t = x @ slopes + self.noise * draw.standard_normal((self.n, self.labels)) > 0
        return Raw(*split(x, t.astype(np.float32), self.test_share))
