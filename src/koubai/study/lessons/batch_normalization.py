"""Lesson 5: what batch normalization saves, and what it does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from koubai.initializers.normal import LeCunNormal
from koubai.lab.course.settings import COURSE_HIDDEN, source
from koubai.lab.declare.experiment import Arm, Experiment
from koubai.lab.perform.gradients import FLOW
from koubai.lab.perform.run_result import RunResult
from koubai.layers.activations import Sigmoid
from koubai.models.mlp import Mlp
from koubai.optim.sgd import SGD
from koubai.study.lessons.lesson import LESSONS, Frame, Guess, Lesson, Row, Scale, Wrong, looked_at
from koubai.train.recipe import Recipe

STEPS, EVERY, GOAL = 700, 20, 0.8
CHANGES: dict[str, dict[str, Any]] = {
    "without": {"network.batch_norm": False},
    "frozen": {"network.batch_norm_trainable": False},
    "trained": {},
}
TIMES = {"without_ms": "without", "trained_ms": "trained"}
"""Milliseconds of an update in the very runs, the readings of test digits included."""
_UPDATES = 8
_FORWARD = "koubai.layers.batch_norm:BatchNorm.forward"


@LESSONS.register
class BatchNormalization(Lesson):
    """What enters each activation gets mean 0 and deviation 1: fewer updates, and each one dearer."""

    number = 5
    guess = Guess(
        "levels",
        (*CHANGES, *TIMES),
        low=0,
        high=STEPS,
        start=360,
        step=20,
        scales=dict.fromkeys(TIMES, Scale(low=-2, high=1, start=-1, step=0.1, log=True)),
    )
    arms = tuple(CHANGES)
    reasons = ("middle", "computes_faster", "gamma", "inputs")
    wrongs = (Wrong("no_difference", {"trained": (300, STEPS)}), Wrong("gamma", {"frozen": (200, STEPS)}))
    usual = "computes_faster"
    rows = (
        Row("enters", "u_l = x_l W_l + b_l", "koubai.layers.linear:Linear.forward", "y = x @", ("without",)),
        Row(
            "enters",
            "x_hat = (x - mu) / sqrt(sigma^2 + eps)",
            _FORWARD,
            "x_hat = (x - beside(mean, x)) * beside(scale, x)",
            ("frozen", "trained"),
        ),
        Row(
            "scaled",
            "y = gamma x_hat + beta",
            _FORWARD,
            "return x_hat * beside(cell.gamma, x) + beside(cell.beta, x)",
            ("trained",),
        ),
        Row(
            "delta",
            "delta_l = dE/dz_l * f'(u_l)",
            "koubai.layers.activations:Activation.backward",
            "return dy * self.derivative(x, y)",
        ),
    )
    questions = ("batch_norm_value",)
    experiment_name = "batch-normalization"

    def experiment(self, seeds: Sequence[int]) -> Experiment:
        """The course's sigmoid network without, with gamma and beta as they began, and as it should be."""
        network = Mlp(COURSE_HIDDEN, activation="sigmoid", batch_norm=True)
        base = Recipe(
            network, source("digits", test=200), optimizer=SGD(0.3), initializer=LeCunNormal(), steps=STEPS
        )
        arms = tuple(Arm(name, edits) for name, edits in CHANGES.items())
        return self.experiment_of(base, arms, seeds, taps=1, evaluations=STEPS // EVERY, evaluate_rows=1)

    def values(self, run: RunResult) -> dict[str, float]:
        """Updates until four of five test digits are read, all where that is never so; and their time."""
        steps, accuracies = run.history.series("test_accuracy")
        there = np.flatnonzero(accuracies >= GOAL)
        updates = {run.arm: float(steps[there[0]]) if len(there) else float(STEPS)}
        return updates | {name: 1000 * run.seconds / STEPS for name, arm in TIMES.items() if run.arm == arm}

    def facts(self, runs: Sequence[RunResult]) -> dict[str, float]:
        """Mean updates to the goal, accuracies at the end; what enters the second sigmoid at update 1."""
        facts: dict[str, float] = {"goal_accuracy": GOAL, "steps": STEPS}
        for arm in self.arms:
            mine = [run for run in runs if run.arm == arm]
            facts[f"{arm}_updates"] = round(float(np.mean([self.values(run)[arm] for run in mine])))
            facts[f"{arm}_accuracy"] = float(np.mean([run.scores["test_accuracy"] for run in mine]))
        for name, arm in TIMES.items():
            facts[name] = float(np.mean([self.values(run)[name] for run in runs if run.arm == arm]))
        for arm, numbers in self.trace()[0].places.items():
            facts |= {f"{arm}_std": numbers["std"], f"{arm}_delta": numbers["delta"]}
        return facts

    def trace(self) -> list[Frame]:
        """For each arm: mean and deviation of what enters the second sigmoid, and what reaches layer 1."""
        places: list[dict[str, dict[str, float]]] = [{} for _ in range(_UPDATES)]
        experiment = self.experiment((0,))
        for arm in experiment.arms:
            session = looked_at(experiment.plan(arm, 0), _UPDATES)
            leaves = session.network.leaves
            second = [i for i, cell in enumerate(leaves) if isinstance(cell.layer, Sigmoid)][1]
            entering = leaves[second - 1].path
            series = session.history.series
            for i, place in enumerate(places):
                place[arm.name] = {
                    "mean": float(series("activation_mean", entering)[1][i]),
                    "std": float(series("activation_std", entering)[1][i]),
                    "delta": float(series(FLOW, "1")[1][i]),
                }
        return [Frame(i + 1, place) for i, place in enumerate(places)]
