"""RepeatedSamples: many samples, of which few are different."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from koubai.core.checks import whole
from koubai.core.errors import DataError
from koubai.data.flaws.flaw import FLAWS, Flaw
from koubai.data.prepare import Raw


@FLAWS.register
@dataclass(frozen=True)
class RepeatedSamples(Flaw):
    """Training sample i becomes sample i mod distinct: as many samples as before, `distinct` different ones.

    For samples that are few and not repeated, `train` of any source will do.
    """

    distinct: int = 20

    def __post_init__(self) -> None:
        whole(self, 1, distinct=self.distinct)

    def spoil(self, raw: Raw, key: int) -> Raw:
        """Fill the training part with its first samples, over and over."""
        n = len(raw.x_train)
        if self.distinct > n:
            raise DataError(
                "not_so_many_samples",
                setting="distinct",
                where="repeated_samples",
                expected=f"<= {n}",
                got=self.distinct,
            )
        rows = np.arange(n) % self.distinct
        return replace(raw, x_train=raw.x_train[rows], t_train=raw.t_train[rows])
