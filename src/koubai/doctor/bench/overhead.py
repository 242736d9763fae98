"""What watching costs: the time of a step with taps and monitor, against the time without."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from koubai.data.sources.digits import Digits
from koubai.doctor.monitor import Monitor
from koubai.models.mlp import Mlp
from koubai.optim.adam import Adam
from koubai.train.recipe import Recipe
from koubai.train.session import Observation, Session

ROUNDS = 9
STEPS = 1000


@dataclass(frozen=True)
class Overhead:
    """Median share of the step over rounds, with the second lowest and second highest round."""

    shares: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """value, low, high, n."""
        ordered = sorted(self.shares)
        return {
            "value": float(np.median(ordered)),
            "low": ordered[1],
            "high": ordered[-2],
            "n": len(ordered),
        }


def overhead(
    engine: str = "auto", threads: int = 1, *, recipe: Recipe | None = None, rounds: int = ROUNDS
) -> Overhead:
    """Time alternating runs, plain and watched at the default sampling; each round gives one share."""
    recipe = recipe or Recipe(
        network=Mlp(hidden=(100, 100), classes=10), data=Digits(), optimizer=Adam(), steps=STEPS
    )
    watched = Observation(tap_every=max(1, recipe.steps // 50), first_until=1)
    _seconds(recipe, watched, engine, threads)  # compile, warm up
    shares = []
    for _ in range(rounds):
        plain = _seconds(recipe, Observation(), engine, threads)
        shares.append(_seconds(recipe, watched, engine, threads) / plain - 1)
    return Overhead(tuple(shares))


def _seconds(recipe: Recipe, observation: Observation, engine: str, threads: int) -> float:
    """Time of the steps (and of the monitor's looks, where there are taps), without compiling."""
    session = Session(recipe, engine=engine, threads=threads, observation=observation)
    monitor = Monitor() if observation.tap_every else None
    stretch = max(1, recipe.steps // 10)
    began = time.perf_counter()
    for _ in range(recipe.steps // stretch):
        session.advance(stretch)
        if monitor is not None and session.step < recipe.steps:
            monitor(session)
    return time.perf_counter() - began
