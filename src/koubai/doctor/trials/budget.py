"""Budget: how many updates trials may make, and how many each.

In updates of the program, not in seconds by the clock: what is found must not depend on what else the
machine does.
"""

from __future__ import annotations

from dataclasses import dataclass

THOROUGH = 6.0  # times the run's own cost
_FEWEST = 20  # updates of a trial, where the run made as many


@dataclass(frozen=True)
class Budget:
    """Updates for all trials together, for each, and for each of those that only screen changes."""

    all: int
    each: int
    race: int

    @classmethod
    def of(cls, steps: int, times: float) -> Budget:
        """Return the budget of a run of `steps` updates: at most `times` its own cost."""
        each = steps // 2 if times > 2 else steps // 4
        race = steps // 8 if times > 2 else steps // 20
        return cls(int(times * steps), min(steps, max(each, _FEWEST)), min(steps, max(race, _FEWEST)))
