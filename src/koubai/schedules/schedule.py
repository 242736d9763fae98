"""Schedule: the learning rate over time, as a factor of the optimizer's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from koubai.core.registry import Registry

SCHEDULES = Registry("schedule")


@dataclass(frozen=True)
class Schedule:
    """Base of all schedules."""

    registry_name: ClassVar[str] = ""

    def factor(self, t: int) -> float:
        """Return the factor on the learning rate at update t (from 1)."""
        raise NotImplementedError


@SCHEDULES.register
@dataclass(frozen=True)
class ConstantRate(Schedule):
    """The learning rate as it is."""

    def factor(self, t: int) -> float:
        """1."""
        return 1.0
