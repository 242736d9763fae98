"""Lesson 1: how large a step of gradient descent may be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from koubai.lab.declare.experiment import Arm, Experiment
from koubai.lab.perform.plans.descent import Descent
from koubai.lab.perform.plans.surfaces import Parabola
from koubai.lab.perform.run_result import RunResult
from koubai.optim.sgd import SGD
from koubai.study.lessons.lesson import LESSONS, Frame, Guess, Lesson, Row, Wrong

A, AWAY, STEPS = 2.0, 5.0, 20
RATES = tuple(f"{tenths / 10:g}" for tenths in range(1, 12))
_ZERO = 1e-16
_UPDATES = 8


@LESSONS.register
class StepSize(Lesson):
    """On f(x) = (x - a)^2 a step multiplies the error by 1 - 2 alpha.

    So .9 is as fast as .1, from side to side, .5 arrives in one step, and from 1 on nothing comes closer.
    """

    number = 1
    random = False
    guess = Guess("curve", RATES, low=-16, high=3, start=0, step=0.5, arm="distance", log=True, floor=_ZERO)
    arms = ("distance",)
    reasons = ("factor", "smaller", "overshoot", "slope")
    wrongs = (
        Wrong("overshoot", {"0.9": (AWAY, 9e99)}),
        Wrong("smaller", {"0.1": (0, 1e-3), "0.5": (1e-3, 9e99)}),
    )
    usual = "smaller"
    rows = (
        Row(
            "slope",
            "f'(x) = 2 (x - a)",
            "koubai.lab.perform.plans.surfaces:Parabola.gradient",
            "return 2 * (point - self.a)",
        ),
        Row("step", "x <- x - alpha f'(x)", "koubai.optim.sgd:SGD.update", "w -= alpha * dw"),
    )
    questions = ("convergence", "step_size")
    experiment_name = "parabola"

    def experiment(self, seeds: Sequence[int]) -> Experiment:
        """One descent for every rate."""
        arms = tuple(Arm(rate, {"optimizer.learning_rate": float(rate)}) for rate in RATES)
        base = Descent(surface=Parabola(a=A), optimizer=SGD(0.1), start=(A - AWAY,), steps=STEPS)
        return self.experiment_of(base, arms, (0,), taps=0, evaluations=0)

    def series(self, arm: str) -> str:
        """All rates make one line."""
        return "distance"

    def values(self, run: RunResult) -> dict[str, float]:
        """How far from the minimum a rate ends."""
        return {run.arm: max(run.scores["distance"], _ZERO)}

    def facts(self, runs: Sequence[RunResult]) -> dict[str, float]:
        """Where the rates of the sentences end, and the smallest one that does not come closer."""
        ends = {run.arm: run.scores["distance"] for run in runs}
        first = {rate: ends[rate] / AWAY for rate in RATES}
        return {
            "away": AWAY,
            "steps": STEPS,
            "small": ends["0.1"],
            "large": ends["0.9"],
            "half": ends["0.5"],
            "beyond": ends["1.1"],
            "small_factor": first["0.1"] ** (1 / STEPS),
            "large_factor": first["0.9"] ** (1 / STEPS),
            "limit": min(float(rate) for rate in RATES if ends[rate] > AWAY * (1 - 1e-9)),
        }

    def trace(self) -> list[Frame]:
        """Each rate's first steps: slope, move, distance."""
        frames: list[dict[str, dict[str, float]]] = [{} for _ in range(_UPDATES)]
        for rate in RATES:
            plan = self.experiment(()).plan(Arm(rate, {"optimizer.learning_rate": float(rate)}), 0)
            points = plan.points()[:, 0]
            for i, frame in enumerate(frames):
                frame[rate] = {
                    "x": float(points[i]),
                    "gradient": float(plan.surface.gradient(np.array([points[i]]))[0]),
                    "to": float(points[i + 1]),
                    "distance": abs(float(points[i + 1]) - A),
                }
        return [Frame(i + 1, frame) for i, frame in enumerate(frames)]
