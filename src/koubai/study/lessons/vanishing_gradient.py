"""Lesson 3: why the first layers of a deep sigmoid network learn nothing."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np

from koubai.initializers.normal import HeNormal, LeCunNormal
from koubai.lab.course.settings import GAUSS, source
from koubai.lab.declare.experiment import Arm, Experiment
from koubai.lab.perform.gradients import FLOW, at_start, weighted
from koubai.lab.perform.run_result import RunResult
from koubai.layers.activations import Sigmoid
from koubai.models.mlp import Mlp
from koubai.optim.sgd import SGD
from koubai.study.lessons.lesson import LESSONS, Frame, Guess, Lesson, Row, Wrong, looked_at
from koubai.train.recipe import Recipe

DEPTH, UNITS = 10, 50
_UPDATES = 8  # that can be looked at one by one
_STEPS = 300


@LESSONS.register
class VanishingGradient(Lesson):
    """What flows back is multiplied in each layer by weights and by f' <= 1/4: it falls as a power.

    Guessed for the course's own network: sigmoid, weights from normal(0, .01).
    """

    number = 3
    guess = Guess(
        "curve",
        tuple(str(layer) for layer in range(1, DEPTH + 1)),
        low=-18,
        high=1,
        start=0,
        step=0.5,
        arm="small",
        log=True,
        given={str(DEPTH): 0},
    )
    arms = ("small", "xavier", "relu_he")
    reasons = ("product", "repeated", "quarter", "rate")
    wrongs = (Wrong("none", {"factor": (0.75, 9e9)}), Wrong("quarter", {"factor": (0.2, 0.3)}))
    usual = "repeated"
    rows = (
        Row(
            "weights",
            "dE/dz_l = delta_{l+1} W_{l+1}^T",
            "koubai.layers.linear:Linear.backward",
            "return dy @ cell.weight.T",
        ),
        Row("slope", "f'(u) = f(u) (1 - f(u))", "koubai.layers.activations:Sigmoid.derivative", "return"),
        Row(
            "delta",
            "delta_l = dE/dz_l * f'(u_l)",
            "koubai.layers.activations:Activation.backward",
            "return dy * self.derivative(x, y)",
        ),
    )
    questions = ("depth", "sigmoid_maximum", "sigmoid_slope")
    experiment_name = "gradient-flow"

    def recipe(self) -> Recipe:
        """The network that is guessed about."""
        network = Mlp((UNITS,) * DEPTH, activation="sigmoid")
        return Recipe(network, source("digits"), optimizer=SGD(0.1), initializer=GAUSS, steps=_STEPS)

    def experiment(self, seeds: Sequence[int]) -> Experiment:
        """The course's network, the same with larger weights, and ReLU with He's."""
        changes: dict[str, dict[str, Any]] = {
            "small": {},
            "xavier": {"initializer": LeCunNormal()},
            "relu_he": {"initializer": HeNormal(), "network.activation": "relu"},
        }
        arms = tuple(Arm(name, edits) for name, edits in changes.items())
        return self.experiment_of(self.recipe(), arms, seeds, taps=1, evaluations=1, evaluate_rows=1)

    def values(self, run: RunResult) -> dict[str, float]:
        """The size of delta in each hidden layer at the first update, over that in the last hidden layer."""
        sizes = list(at_start(run.history).values())[:DEPTH]
        return {point: size / sizes[-1] for point, size in zip(self.guess.points, sizes, strict=True)}

    def facts(self, runs: Sequence[RunResult]) -> dict[str, float]:
        """First over last layer, the factor a layer, and what each arm has learned; medians and means."""
        facts = {"bound": Sigmoid.max_derivative, "spread": GAUSS.scale * sqrt(UNITS)}
        for arm in self.arms:
            mine = [run for run in runs if run.arm == arm]
            first = float(np.median([self.values(run)["1"] for run in mine]))
            facts |= {f"{arm}_first": first, f"{arm}_factor": first ** (1 / (DEPTH - 1))}
            facts[f"{arm}_accuracy"] = float(np.mean([run.scores["test_accuracy"] for run in mine]))
        facts["product"] = facts["bound"] * facts["spread"]
        facts["bound_first"] = facts["bound"] ** (DEPTH - 1)
        return facts

    def trace(self) -> list[Frame]:
        """Every hidden layer but the last, backwards: what came, what W and f' made of it."""
        session = looked_at(self.recipe(), _UPDATES)
        layers = weighted(session.history)
        behind = [str(int(layer) + 1) for layer in layers]  # the activation after each linear layer

        def size(path: str, update: int) -> float:
            return float(session.history.series(FLOW, path)[1][update])

        return [
            Frame(
                update + 1,
                {
                    str(i + 1): {
                        "came": size(layers[i + 1], update),
                        "weights": size(behind[i], update) / size(layers[i + 1], update),
                        "slope": size(layers[i], update) / size(behind[i], update),
                        "delta": size(layers[i], update),
                    }
                    for i in reversed(range(DEPTH - 1))
                },
            )
            for update in range(_UPDATES)
        ]
