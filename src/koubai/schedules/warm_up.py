"""Warm-up: the learning rate rises from near zero before another schedule takes over."""

from __future__ import annotations

from dataclasses import dataclass

from koubai.core.checks import at_least
from koubai.schedules.schedule import SCHEDULES, ConstantRate, Schedule


@SCHEDULES.register
@dataclass(frozen=True)
class WarmUp(Schedule):
    """t / steps for t <= steps, times the start of `then`; after it, `then` from its own beginning.

    Source: Goyal et al. 2017, sec. 2.2 (gradual warm-up).

    >>> [WarmUp(steps=4).factor(t) for t in (1, 2, 4, 5)]
    [0.25, 0.5, 1.0, 1.0]
    """

    steps: int
    then: Schedule = ConstantRate()

    def __post_init__(self) -> None:
        at_least(self, 1, steps=self.steps)

    def factor(self, t: int) -> float:
        """A ramp, then the other schedule."""
        if t <= self.steps:
            return t / self.steps * self.then.factor(1)
        return self.then.factor(t - self.steps)
