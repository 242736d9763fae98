"""Inverse time decay: start large, then shrink."""

from __future__ import annotations

from dataclasses import dataclass

from koubai.core.checks import at_least
from koubai.schedules.schedule import SCHEDULES, Schedule


@SCHEDULES.register
@dataclass(frozen=True)
class InverseTime(Schedule):
    """1 / (1 + decay (t - 1)).

    The steps sum to infinity and their squares do not, so the noise averages out and any distance can be
    walked: the conditions of Robbins and Monro 1951, eq. (6).

    >>> [InverseTime(decay=0.5).factor(t) for t in (1, 3, 7)]
    [1.0, 0.5, 0.25]
    """

    decay: float

    def __post_init__(self) -> None:
        at_least(self, 0, decay=self.decay)

    def factor(self, t: int) -> float:
        """Inverse of a line."""
        return 1 / (1 + self.decay * (t - 1))
