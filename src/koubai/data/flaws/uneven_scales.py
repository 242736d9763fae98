"""UnevenScales: inputs in units that have nothing to do with each other."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np

from koubai.core import random
from koubai.core.checks import above
from koubai.data.flaws.flaw import FLAWS, Flaw, with_inputs
from koubai.data.prepare import Raw


@FLAWS.register
@dataclass(frozen=True)
class UnevenScales(Flaw):
    """x_j becomes x_j span^(r_j / (d - 1)), in every part: an age in years beside an income in yen.

    | symbol | name                                             |
    |--------|--------------------------------------------------|
    | x_j    | input j of d                                     |
    | r_j    | rank of input j in a random order, 0 .. d - 1    |
    | span   | largest factor; the smallest is 1                |

    A single input is multiplied by span. `scale = "standard"` beside it undoes it, feature by feature, where
    samples are rows of a table; pixels of one channel are scaled together and stay uneven.
    """

    of_inputs: ClassVar = True

    span: float = 1000.0

    def __post_init__(self) -> None:
        above(self, 0, span=self.span)

    def spoil(self, raw: Raw, key: int) -> Raw:
        """Multiply every input by its factor."""
        shape = raw.x_train.shape[1:]
        rank = random.permutation(key, prod(shape)).reshape(shape)
        factor = self.span ** (rank / (rank.size - 1) if rank.size > 1 else rank + 1.0)
        return with_inputs(raw, lambda x, _: x * factor.astype(np.float32))
