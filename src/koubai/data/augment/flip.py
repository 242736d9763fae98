"""Flip: pictures seen in a mirror."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from koubai.core.checks import probability
from koubai.core.errors import UnknownName
from koubai.core.params import Array
from koubai.data.augment.augmentation import AUGMENTATIONS, Augmentation, chosen

AXES = ("horizontal", "vertical")


@AUGMENTATIONS.register
@dataclass(frozen=True)
class Flip(Augmentation):
    """A share of the pictures is turned left to right, or upside down: y[h, w] = x[h, W - 1 - w].

    Only where the mirrored thing has the same label: most digits and letters do not.
    Source: Krizhevsky et al. 2012, sec. 4.1.
    """

    axis: Literal["horizontal", "vertical"] = "horizontal"
    share: float = 0.5

    def __post_init__(self) -> None:
        if self.axis not in AXES:
            raise UnknownName("axis", self.axis, AXES, where="Flip")
        probability(self, share=self.share)

    def alter(self, x: Array, t: Array, u: Array) -> tuple[Array, Array]:
        """Mirror the chosen ones."""
        rows = chosen(u[:, 0], self.share)
        x[rows] = x[rows][..., ::-1] if self.axis == "horizontal" else x[rows][..., ::-1, :]
        return x, t
