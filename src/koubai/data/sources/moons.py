"""Moons: two half circles that reach into each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from koubai.core.checks import at_least, seed, share, whole
from koubai.data.dataset import DATA, DataSource
from koubai.data.prepare import Raw, split


@DATA.register
@dataclass(frozen=True)
class Moons(DataSource):
    """scikit-learn's make_moons; x (n, 2), two classes: 0 the upper moon, 1 the lower one.

    | field        | meaning                                             |
    |--------------|-----------------------------------------------------|
    | n            | number of samples                                   |
    | noise        | standard deviation of the noise on both coordinates |
    | random_state | scikit-learn's seed                                 |
    | test_share   | the last so much of the samples is the test part    |
    """

    n: int = 1000
    noise: float = 0.1
    random_state: int = 1
    test_share: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        whole(self, 2, n=self.n)
        at_least(self, 0, noise=self.noise)
        seed(self, random_state=self.random_state)
        share(self, test_share=self.test_share)

    def values(self) -> int:
        """Inputs and targets of all samples."""
        return self.n * 3

    def read(self, folder: Path | None) -> Raw:
        """Draw the points; scikit-learn shuffles them."""
        from sklearn.datasets import make_moons

        x, t = make_moons(self.n, noise=self.noise, random_state=self.random_state)
        return Raw(*split(x, t, self.test_share), classes=2, class_names=("upper", "lower"))
