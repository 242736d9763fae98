"""Step decay: the learning rate falls by a factor every so many updates."""

from __future__ import annotations

from dataclasses import dataclass

from koubai.core.checks import above, at_least
from koubai.schedules.schedule import SCHEDULES, Schedule


@SCHEDULES.register
@dataclass(frozen=True)
class StepDecay(Schedule):
    """ratio^floor((t - 1) / every): constant on each stretch of `every` updates.

    >>> [StepDecay(every=2, ratio=0.5).factor(t) for t in (1, 2, 3, 4, 5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    every: int
    ratio: float = 0.1

    def __post_init__(self) -> None:
        at_least(self, 1, every=self.every)
        above(self, 0, ratio=self.ratio)

    def factor(self, t: int) -> float:
        """Power of the ratio."""
        return float(self.ratio ** ((t - 1) // self.every))
