"""ShiftedLabels: inputs and targets are paired off by some places."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from koubai.core.checks import whole
from koubai.data.flaws.flaw import FLAWS, Flaw
from koubai.data.prepare import Raw


@FLAWS.register
@dataclass(frozen=True)
class ShiftedLabels(Flaw):
    """Training sample i gets the target of sample i - by; the first get those of the last.

    What a lost line in one of two files does, or inputs and targets put into order apart from each other.
    Where classes come in turn (`waveforms`), this only renames the classes.
    """

    by: int = 1

    def __post_init__(self) -> None:
        whole(self, 1, by=self.by)

    def spoil(self, raw: Raw, key: int) -> Raw:
        """Move the targets along."""
        return replace(raw, t_train=np.roll(raw.t_train, self.by, axis=0))
