"""Exponential decay: the same ratio at every update."""

from __future__ import annotations

from dataclasses import dataclass

from koubai.core.checks import above, at_least
from koubai.schedules.schedule import SCHEDULES, Schedule


@SCHEDULES.register
@dataclass(frozen=True)
class ExponentialDecay(Schedule):
    """ratio^((t - 1) / every): by `ratio` over each stretch of `every` updates, smoothly.

    >>> ExponentialDecay(ratio=0.25, every=10).factor(1), ExponentialDecay(ratio=0.25, every=10).factor(6)
    (1.0, 0.5)
    """

    ratio: float
    every: int = 1

    def __post_init__(self) -> None:
        above(self, 0, ratio=self.ratio)
        at_least(self, 1, every=self.every)

    def factor(self, t: int) -> float:
        """Power of the ratio."""
        return float(self.ratio ** ((t - 1) / self.every))
