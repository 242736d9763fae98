"""MultiLabel: samples that may have several labels at once, or none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from koubai.core.settings import at_least, share
from koubai.data.dataset import DATA, DataSource
from koubai.data.prepare import Raw, split


@DATA.register
@dataclass(frozen=True)
class MultiLabel(DataSource):
    """scikit-learn's make_multilabel_classification; x (n, features) counts, t (n, labels) of 0 and 1.

    | field           | meaning                                          |
    |-----------------|--------------------------------------------------|
    | n               | number of samples                                |
    | features        | number of inputs                                 |
    | labels          | number of labels                                 |
    | labels_a_sample | mean number of labels a sample has               |
    | random_state    | scikit-learn's seed                              |
    | test_share      | the last so much of the samples is the test part |
    """

    n: int = 1000
    features: int = 20
    labels: int = 3
    labels_a_sample: int = 2
    random_state: int = 1
    test_share: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 2, n=self.n)
        at_least(self, 1, features=self.features, labels=self.labels)
        at_least(self, 0, labels_a_sample=self.labels_a_sample)
        share(self, test_share=self.test_share)

    def read(self, folder: Path | None) -> Raw:
        """Draw the samples."""
        from sklearn.datasets import make_multilabel_classification

        x, t = make_multilabel_classification(
            self.n,
            n_features=self.features,
            n_classes=self.labels,
            n_labels=self.labels_a_sample,
            random_state=self.random_state,
        )
        return Raw(*split(x, t.astype(np.float32), self.test_share))
