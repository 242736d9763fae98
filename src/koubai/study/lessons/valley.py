"""Lesson 6: how four optimizers go down a valley, and what none of them can know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from koubai.lab.declare.experiment import Arm, Experiment
from koubai.lab.perform.outcome import Context, Outcome
from koubai.lab.perform.plans.descent import Descent
from koubai.lab.perform.plans.plan import LabPlan
from koubai.lab.perform.plans.starts import Starts
from koubai.lab.perform.plans.surfaces import TwoMinima
from koubai.lab.perform.plans.surfaces import Valley as Surface
from koubai.lab.perform.run_result import RunResult
from koubai.optim.adagrad import AdaGrad
from koubai.optim.adam import Adam
from koubai.optim.momentum import Momentum
from koubai.optim.optimizer import Optimizer
from koubai.optim.sgd import SGD
from koubai.study.lessons.lesson import LESSONS, Frame, Guess, Lesson, Row, Wrong
from koubai.study.lessons.rules import rows_of

STEPS, BEGIN = 30, (-7.0, 2.0)
RULES: dict[str, Optimizer] = {
    "sgd": SGD(0.95),
    "momentum": Momentum(0.1),
    "adagrad": AdaGrad(1.5),
    "adam": Adam(0.3),
}
ON_HILLS: dict[str, Optimizer] = {
    "sgd": SGD(0.05),
    "momentum": Momentum(0.05),
    "adagrad": AdaGrad(0.3),
    "adam": Adam(0.3),
}
"""The same rules on the surface with two minima, each at a rate that suits it."""


@dataclass(frozen=True, kw_only=True)
class Down(LabPlan):
    """Thirty steps down the valley; and 200 descents, from random starts, where there are two minima."""

    registry_name = "down"
    valley: Optimizer
    hills: Optimizer

    def descent(self) -> Descent:
        """The way down the valley."""
        return Descent(surface=Surface(), optimizer=self.valley, start=BEGIN, steps=STEPS, seed=self.seed)

    def starts(self) -> Starts:
        """The descents on f = x^4 / 4 - x^2 / 2 - .2 x."""
        return Starts(surface=TwoMinima(), optimizer=self.hills, low=-2.0, high=2.0, seed=self.seed)

    def perform(self, context: Context) -> Outcome:
        """Descend in both; the history is that of the valley."""
        down, starts = self.descent().perform(context), self.starts().perform(context)
        return Outcome({**starts.scores, **down.scores}, history=down.history, engine="formula")


@LESSONS.register
class Valley(Lesson):
    """A slope tells the way down from here: SGD swings across a valley that others follow.

    On x^2 / 20 + y^2, 30 steps from (-7, 2). And it does not tell which minimum is deepest: from 200 starts
    on a surface with two, no rule ends in the deeper one from all.
    """

    number = 6
    guess = Guess(
        "paths",
        tuple(RULES),
        low=0,
        high=8,
        start=0,
        step=0.1,
        surface={"curvatures": (2 / Surface.flatness, 2.0), "x": (-8, 3), "y": (-3, 3), "begin": BEGIN},
    )
    arms = tuple(RULES)
    reasons = ("slopes", "noise", "rate", "global")
    wrongs = (
        Wrong("straight", {"sgd_turns": (0, 3)}),
        Wrong("no_swing", {"momentum_turns": (0, 0)}),
    )
    usual = "global"
    others = ("hopeless",)
    rows = (
        Row(
            "slope",
            "dE/dx = x / 10,  dE/dy = 2 y",
            "koubai.lab.perform.plans.surfaces:Valley.gradient",
            "return np.array",
        ),
        *rows_of(RULES),
    )
    questions = ("valley", "momentum_step")
    experiment_name = "valley"

    def experiment(self, seeds: Sequence[int]) -> Experiment:
        """Four rules, each down the same valley and from the same starts."""
        base = Down(valley=RULES["sgd"], hills=ON_HILLS["sgd"])
        arms = tuple(Arm(name, {"valley": RULES[name], "hills": ON_HILLS[name]}) for name in RULES)
        return self.experiment_of(base, arms, seeds, taps=0, evaluations=0)

    def values(self, run: RunResult) -> dict[str, float]:
        """How far from the minimum of the valley the path ends."""
        return {run.arm: run.scores["distance"]}

    def path(self, run: RunResult) -> list[list[float]]:
        """Where each step led."""
        x, y = (run.history.series("position", axis)[1] for axis in ("x", "y"))
        return [[float(a), float(b)] for a, b in zip(x, y, strict=True)]

    def curve(self, run: RunResult) -> tuple[list[int], list[float]]:
        """No losses: the paths show what there is."""
        return [], []

    def facts(self, runs: Sequence[RunResult]) -> dict[str, float]:
        """Ends and crossings of the four paths; shares of the starts that end in the deeper minimum."""
        surface = TwoMinima()
        facts: dict[str, float] = {
            "steps": STEPS,
            "rate": RULES["sgd"].learning_rate,
            "deep": surface.minimum[0],
            "top": surface.top,
        }
        for arm in self.arms:
            mine = [run.scores for run in runs if run.arm == arm]
            facts |= {f"{arm}_distance": mine[0]["distance"], f"{arm}_turns": mine[0]["turns"]}
            for name, score in (("", "global_share"), ("_across", "passed_shallow"), ("_left", "left_deep")):
                facts[f"{arm}{name}_share"] = float(np.mean([scores[score] for scores in mine]))
        flat, steep = self.guess.surface["curvatures"]
        along, across = (1 - facts["rate"] * bend for bend in (flat, steep))
        return facts | {"across": across, "along": along, "steeper": steep / flat}

    def trace(self) -> list[Frame]:
        """Every step of each path: slope and move."""
        slope = Surface().gradient
        experiment: Any = self.experiment((0,))
        frames: list[dict[str, dict[str, float]]] = [{} for _ in range(STEPS)]
        for arm in experiment.arms:
            points = experiment.plan(arm, 0).descent().points()
            for i, frame in enumerate(frames):
                (x, y), (to_x, to_y) = points[i], points[i + 1]
                along, across = slope(points[i])
                frame[arm.name] = {
                    "x": float(x),
                    "y": float(y),
                    "along": float(along),
                    "across": float(across),
                    "to_x": float(to_x),
                    "to_y": float(to_y),
                }
        return [Frame(i + 1, frame) for i, frame in enumerate(frames)]
