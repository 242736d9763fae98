"""Blobs: normal clouds around random centers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from koubai.core.checks import at_least, seed, share, whole
from koubai.data.dataset import DATA, DataSource
from koubai.data.prepare import Raw, split


@DATA.register
@dataclass(frozen=True)
class Blobs(DataSource):
    """scikit-learn's make_blobs; x (n, features), a class for every center.

    Unscaled: centers lie in [-10, 10], so inputs are about ten times as large as those of the other toys.

    | field        | meaning                                          |
    |--------------|--------------------------------------------------|
    | n            | number of samples                                |
    | centers      | number of clouds                                 |
    | features     | number of coordinates                            |
    | cluster_std  | standard deviation of every cloud                |
    | random_state | scikit-learn's seed                              |
    | test_share   | the last so much of the samples is the test part |
    """

    n: int = 1000
    centers: int = 3
    features: int = 2
    cluster_std: float = 2.0
    random_state: int = 2
    test_share: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        whole(self, 1, centers=self.centers, features=self.features)
        at_least(self, self.centers, n=self.n)
        at_least(self, 0, cluster_std=self.cluster_std)
        seed(self, random_state=self.random_state)
        share(self, test_share=self.test_share)

    def values(self) -> int:
        """Inputs and targets of all samples."""
        return self.n * (self.features + 1) + self.centers * self.features

    def read(self, folder: Path | None) -> Raw:
        """Draw the points; scikit-learn shuffles them."""
        from sklearn.datasets import make_blobs

        x, t = make_blobs(
            self.n,
            centers=self.centers,
            n_features=self.features,
            cluster_std=self.cluster_std,
            random_state=self.random_state,
        )
        names = tuple(str(k) for k in range(self.centers))
        return Raw(*split(x, t, self.test_share), classes=self.centers, class_names=names)
