"""Lesson 4: why initial weights must differ, and how large they should be."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np

from koubai.core.params import Array
from koubai.initializers.constant import Zeros
from koubai.initializers.initializer import Initializer
from koubai.initializers.normal import HeNormal, LeCunNormal, Normal
from koubai.lab.course.settings import COURSE_HIDDEN, GAUSS, source
from koubai.lab.declare.experiment import Arm, Experiment
from koubai.lab.perform.run_result import RunResult
from koubai.models.mlp import Mlp
from koubai.optim.sgd import SGD
from koubai.study.lessons.lesson import LESSONS, Frame, Guess, Lesson, Row, Wrong, looked_at
from koubai.train.recipe import Recipe

STEPS, HALF = 2000, 1000
_UPDATES = 8
_INPUTS = 64
_BY = "koubai.initializers"
INITIALIZERS: dict[str, Initializer] = {
    "zeros": Zeros(),
    "small": GAUSS,
    "large": Normal(1.0),
    "he": HeNormal(),
    "sigmoid_small": GAUSS,
    "sigmoid_lecun": LeCunNormal(),
}
"""Behind "sigmoid_" the same network with sigmoid instead of ReLU."""


@LESSONS.register
class InitialWeights(Lesson):
    """Zeros never learn, as all units stay equal and get nothing; weights that are too small learn late."""

    number = 4
    guess = Guess("levels", tuple(INITIALIZERS), low=0, high=1, start=0.5, step=0.01, share=True)
    arms = tuple(INITIALIZERS)
    reasons = ("passes", "wide", "symmetry_only", "random")
    wrongs = (
        Wrong("never", {"small": (0, 0.3)}),
        Wrong("zeros_learn", {"zeros": (0.4, 1)}),
        Wrong("large_fails", {"large": (0, 0.4)}),
        Wrong("any_activation", {"sigmoid_small": (0.4, 1)}),
    )
    usual = "xavier"
    rows = (
        Row("weights", "w = 0", f"{_BY}.constant:Zeros.sample", "return np.zeros(spec.shape)", ("zeros",)),
        Row(
            "weights",
            "Var(w) = scale^2",
            f"{_BY}.normal:Normal.std",
            "return self.scale",
            ("small", "large", "sigmoid_small"),
        ),
        Row("weights", "Var(w) = 2 / n_in", f"{_BY}.normal:HeNormal.std", "sqrt(2 / spec.fan_in)", ("he",)),
        Row(
            "weights",
            "Var(w) = 1 / n_in",
            f"{_BY}.normal:LeCunNormal.std",
            "sqrt(1 / spec.fan_in)",
            ("sigmoid_lecun",),
        ),
        Row("forward", "u_l = x_l W_l + b_l", "koubai.layers.linear:Linear.forward", "y = x @ cell.weight"),
        Row(
            "backward",
            "dE/dW_l = x_l^T delta_l",
            "koubai.layers.linear:Linear.backward",
            "cell.grad(weight=x.T @ dy)",
        ),
    )
    questions = ("zero_weights", "initial_deviation")
    experiment_name = "initialization"

    def experiment(self, seeds: Sequence[int]) -> Experiment:
        """Four ways to start the course's network with ReLU, and two with sigmoid."""
        base = Recipe(Mlp(COURSE_HIDDEN), source("digits"), optimizer=SGD(0.1), steps=STEPS)
        arms = tuple(
            Arm(
                name,
                {"initializer": value}
                | ({"network.activation": "sigmoid"} if name.startswith("sigmoid") else {}),
            )
            for name, value in INITIALIZERS.items()
        )
        return self.experiment_of(base, arms, seeds, taps=1, evaluations=2, evaluate_rows=1)

    def facts(self, runs: Sequence[RunResult]) -> dict[str, float]:
        """Mean accuracies at the end and half way; deviations by rule, for the first layer."""
        facts: dict[str, float] = {"steps": STEPS, "half": HALF}
        for arm in self.arms:
            mine = [run for run in runs if run.arm == arm]
            facts[f"{arm}_accuracy"] = _mean([run.scores["test_accuracy"] for run in mine])
            facts[f"{arm}_half_accuracy"] = _mean([_at(run, HALF) for run in mine])
            facts[f"{arm}_units"] = _mean([run.scores["distinct_units"] for run in mine]) * COURSE_HIDDEN[0]
        n_in, n_out = _INPUTS, COURSE_HIDDEN[0]
        facts |= {"n_in": n_in, "n_out": n_out, "units": n_out}
        return facts | {
            "lecun_std": sqrt(1 / n_in),
            "he_std": sqrt(2 / n_in),
            "glorot_std": sqrt(2 / (n_in + n_out)),
        }

    def trace(self) -> list[Frame]:
        """For each arm: how far weights spread, how far the signal does, how much gradient there is."""
        places: list[dict[str, dict[str, float]]] = [{} for _ in range(_UPDATES)]
        experiment = self.experiment((0,))
        for arm in experiment.arms:
            session = looked_at(experiment.plan(arm, 0), _UPDATES)
            paths = [path for path in session.network.param_specs if path.endswith("weight")]
            first, last = (path.rpartition(".")[0] for path in (paths[0], paths[-1]))
            start = session.network.initialize(0, "float64").params[paths[0]]
            series = session.history.series
            for i, place in enumerate(places):
                place[arm.name] = {
                    "spread": _std(start),
                    "first": float(series("activation_std", first)[1][i]),
                    "last": float(series("activation_std", last)[1][i]),
                    "gradient": float(series("gradient_norm", paths[0])[1][i]),
                }
        return [Frame(i + 1, place) for i, place in enumerate(places)]


def _at(run: RunResult, step: int) -> float:
    steps, values = run.history.series("test_accuracy")
    return float(values[np.flatnonzero(steps == step)[0]])


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _std(weights: Array) -> float:
    return float(np.std(weights))
