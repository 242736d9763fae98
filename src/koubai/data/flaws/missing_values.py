"""MissingValues: some numbers are not there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from koubai.core import checks, random
from koubai.core.params import Array
from koubai.data.flaws.flaw import FLAWS, Flaw, with_inputs
from koubai.data.prepare import Raw


@FLAWS.register
@dataclass(frozen=True)
class MissingValues(Flaw):
    """A share of all inputs of every part, drawn at random, is NaN.

    With `filled_with` it is that number instead: the -999 or the 0 that some tables write where they have
    nothing, and that looks like a measurement.
    """

    of_inputs: ClassVar = True

    share: float = 0.01
    filled_with: float | None = None

    def __post_init__(self) -> None:
        checks.share(self, share=self.share)

    def spoil(self, raw: Raw, key: int) -> Raw:
        """Overwrite the chosen numbers."""
        mark = np.nan if self.filled_with is None else self.filled_with

        def overwritten(x: Array, part: str) -> Array:
            chosen = random.permutation(random.key(key, part), x.size)[: round(self.share * x.size)]
            flat = x.copy().reshape(-1)
            flat[chosen] = mark
            return flat.reshape(x.shape)

        return with_inputs(raw, overwritten)
