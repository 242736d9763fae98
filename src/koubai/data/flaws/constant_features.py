"""ConstantFeatures: some inputs are the same in every sample."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from koubai.core import checks, random
from koubai.core.params import Array
from koubai.data.flaws.flaw import FLAWS, Flaw, with_inputs
from koubai.data.prepare import Raw


@FLAWS.register
@dataclass(frozen=True)
class ConstantFeatures(Flaw):
    """A share of the inputs, drawn at random, has one `value` in every sample of every part.

    A broken sensor, a column that nobody filled in, a picture behind a mask.
    """

    of_inputs: ClassVar = True

    share: float = 0.5
    value: float = 0.0

    def __post_init__(self) -> None:
        checks.share(self, share=self.share)

    def spoil(self, raw: Raw, key: int) -> Raw:
        """Overwrite the chosen inputs."""
        count = prod(raw.x_train.shape[1:])
        chosen = random.permutation(key, count)[: round(self.share * count)]

        def overwritten(x: Array, part: str) -> Array:
            flat = x.copy().reshape(len(x), count)
            flat[:, chosen] = self.value
            return flat.reshape(x.shape)

        return with_inputs(raw, overwritten)
