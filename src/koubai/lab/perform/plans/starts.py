"""Starts: the same descent from many places at once, and in which minimum each of them ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.core import random
from koubai.core.params import Array
from koubai.lab.perform.outcome import Context, Outcome
from koubai.lab.perform.plans.plan import LabPlan
from koubai.lab.perform.plans.surfaces import TwoMinima
from koubai.lab.perform.run_result import Exhibit
from koubai.optim.optimizer import Optimizer

_NEAR = 0.3  # how far from a minimum a path may end that counts as having reached it


@dataclass(frozen=True, kw_only=True)
class Starts(LabPlan):
    """`count` starts, uniform between `low` and `high` by the seed, each descended `steps` times, in float64.

    All update rules act element by element, so the starts go side by side without touching.
    """

    registry_name = "starts"
    surface: TwoMinima
    optimizer: Optimizer
    low: float
    high: float
    count: int = 200
    steps: int = 500

    def starts(self) -> Array:
        """Return the starts, (count,)."""
        return random.generator(self.seed, "starts").uniform(self.low, self.high, self.count)

    def ends(self) -> Array:
        """Return where they end, (count,)."""
        x = self.starts()
        slots = {name: np.zeros_like(x) for name in self.optimizer.slots}
        for t in range(1, self.steps + 1):
            self.optimizer.update(x, self.surface.gradient(x), slots, self.optimizer.learning_rate, t)
        return x

    def perform(self, context: Context) -> Outcome:
        """Descend from everywhere; shares are of all starts, or of those on one side of the top."""
        starts, ends = self.starts(), self.ends()
        (deepest,) = self.surface.minimum
        reached = np.abs(ends - deepest) < _NEAR
        from_deep = (starts > self.surface.top) == (deepest > self.surface.top)
        curve = np.linspace(self.low, self.high, 200)
        return Outcome(
            scores={
                "global_share": float(reached.mean()),
                "passed_shallow": float(reached[~from_deep].mean()),
                "left_deep": float((~reached[from_deep]).mean()),
            },
            exhibits=(
                Exhibit(
                    "starts",
                    "",
                    {
                        "starts": starts,
                        "reached": reached,
                        "x": curve,
                        "values": self.surface.value(curve[:, None]),
                    },
                ),
            )
            if context.exhibits
            else (),
            engine="formula",
        )
