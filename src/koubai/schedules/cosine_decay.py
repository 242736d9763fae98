"""Cosine decay: slow, fast, slow, along half a cosine."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi

from koubai.core.checks import at_least, share
from koubai.schedules.schedule import SCHEDULES, Schedule


@SCHEDULES.register
@dataclass(frozen=True)
class CosineDecay(Schedule):
    """floor + (1 - floor) (1 + cos(pi min(t - 1, steps) / steps)) / 2.

    From 1 down to `floor` over `steps` updates, then constant. Source: Loshchilov and Hutter 2017, eq. (5).

    >>> [round(CosineDecay(steps=4).factor(t), 3) for t in (1, 2, 3, 4, 5, 9)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """

    steps: int
    floor: float = 0.0

    def __post_init__(self) -> None:
        at_least(self, 1, steps=self.steps)
        share(self, floor=self.floor)

    def factor(self, t: int) -> float:
        """Half a cosine between 1 and the floor."""
        done = min(t - 1, self.steps) / self.steps
        return self.floor + (1 - self.floor) * (1 + cos(pi * done)) / 2
