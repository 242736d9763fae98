"""Rise: whether the learning rate rose through the whole run, and how far: a warm-up that never ended."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

_TIMES = 3  # that the rate rose
_NO_RATE = 0.05  # above it, what others than SGD were given is a factor of the schedule (lr=1), no rate


@dataclass
class Rise:
    """Takes the rates of updates; `reached` is the last one's share of the rate given, 1 where it fell."""

    _last: float = 0.0
    _rises: int = 0
    _fell: bool = False
    _given: float = inf

    def take(self, rate: float, given: float) -> None:
        """Take in the rate of an update, and the one that its optimizer was given."""
        self._fell = self._fell or rate < self._last
        self._rises += 0 < self._last < rate
        self._last, self._given = rate, given

    @property
    def reached(self) -> float:
        """The share of the rate that was given at which the run ended; 1 where it did not rise to its end."""
        known = not self._fell and self._rises >= _TIMES and 0 < self._given < inf
        return min(1.0, self._last / self._given) if known else 1.0


def given_rate(optimizer: Any) -> float:
    """Return the rate that an optimizer was given: the peak of its schedule, where known; inf: not known."""
    group = optimizer.param_groups[0]
    peaks = [rate for key in ("initial_lr", "max_lr") if (rate := group.get(key)) is not None]
    told = peaks or [getattr(optimizer, "defaults", {}).get("lr", inf)]
    given = max(map(float, told))
    return inf if given > _NO_RATE and type(optimizer).__name__ != "SGD" else given
