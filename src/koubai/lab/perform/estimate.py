"""How long an experiment will take, from a short probe of every kind of run in it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from koubai.lab.declare.experiment import Experiment
from koubai.lab.perform.outcome import Context
from koubai.lab.perform.training import observation
from koubai.train.recipe import Recipe
from koubai.train.session import Session

_PROBE = 0.3  # seconds for one arm
_STRETCH = 5  # steps between two looks at the clock


@dataclass(frozen=True)
class Estimate:
    """Arms, seeds, runs, and the seconds that all runs probably take on `threads` threads."""

    arms: int
    seeds: int
    seconds: float
    threads: int

    @property
    def runs(self) -> int:
        """Arms times seeds."""
        return self.arms * self.seeds


def estimate(
    experiment: Experiment,
    *,
    engine: str = "auto",
    threads: int = 1,
    data_dir: Path | None = None,
    device: str = "cpu",
) -> Estimate:
    """Return an estimate; training every arm for a moment also finds networks that cannot be built."""
    context = Context(experiment.observations, engine, data_dir=data_dir, device=device)
    seconds = sum(_seconds(experiment.plan(arm, experiment.seeds[0]), context) for arm in experiment.arms)
    seeds = len(experiment.seeds)
    return Estimate(len(experiment.arms), seeds, seconds * seeds / threads, threads)


def _seconds(plan: Any, context: Context) -> float:
    """Return the seconds of one run of a plan; what is no training is quick and simply done."""
    recipes = [plan] if isinstance(plan, Recipe) else plan.recipes()
    if recipes:
        return sum(_training_seconds(recipe, context) for recipe in recipes)
    began = time.perf_counter()
    plan.perform(context)
    return time.perf_counter() - began


def _training_seconds(recipe: Recipe, context: Context) -> float:
    """Return the seconds of one training run: opened, stepped for a moment, evaluated once.

    It is opened twice, since code is compiled the first time only.
    """
    dataset = recipe.data.load(context.data_dir)
    for _ in range(2):
        began = time.perf_counter()
        session = Session(
            recipe,
            dataset=dataset,
            engine=context.engine,
            device=context.device,
            observation=replace(observation(recipe, context), tap_every=0),
        )
        session.advance(1)
    opened = time.perf_counter()
    steps = 0
    while time.perf_counter() - opened < _PROBE and steps < recipe.steps and session.stopped_by is None:
        steps += len(session.advance(_STRETCH))
    stepped = time.perf_counter()
    session.scores()
    evaluation = time.perf_counter() - stepped
    a_step = (stepped - opened) / max(steps, 1)
    return (opened - began) + recipe.steps * a_step + (context.observations.evaluations + 1) * evaluation
