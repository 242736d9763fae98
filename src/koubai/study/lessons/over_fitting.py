"""Lesson 8: what regularization does to the score that counts."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np

from koubai.lab.course.settings import source
from koubai.lab.declare.experiment import Arm, Experiment
from koubai.lab.perform.run_result import RunResult
from koubai.models.mlp import Mlp
from koubai.optim.sgd import SGD
from koubai.penalties.p_norm import L1, L2
from koubai.study.lessons.lesson import LESSONS, Frame, Guess, Lesson, Row, Wrong, looked_at
from koubai.train.recipe import Recipe

IMAGES, STEPS, HIDDEN = 100, 500, (100, 100, 100)
L2_STRENGTH, L1_STRENGTH = 0.1, 0.005
CHANGES: dict[str, dict[str, Any]] = {
    "none": {},
    "l2": {"penalties": (L2(L2_STRENGTH),)},
    "l1": {"penalties": (L1(L1_STRENGTH),)},
    "dropout": {"network.dropout": 0.15},
    "dropout_half": {"network.dropout": 0.5},
}
_UPDATES = 8


@LESSONS.register
class OverFitting(Lesson):
    """Regularization takes from the training score; whether the test score gains depends on its strength."""

    number = 8
    guess = Guess("levels", tuple(CHANGES), low=0, high=1, start=0.5, step=0.01, share=True)
    arms = tuple(CHANGES)
    reasons = ("too_strong", "too_late", "dropout_only", "chance")
    wrongs = (Wrong("always_helps", {"l2": (0.8, 1)}), Wrong("useless", {"none": (0, 0.6)}))
    usual = "always_helps"
    rows = (
        Row("pull", "lambda w", "koubai.penalties.p_norm:L2.gradient", "return self.strength * w", ("l2",)),
        Row(
            "pull",
            "lambda sign(w)",
            "koubai.penalties.p_norm:L1.gradient",
            "return self.strength * np.sign(w)",
            ("l1",),
        ),
        Row(
            "mask",
            "y = x m / (1 - p)",
            "koubai.layers.dropout:Dropout.forward",
            "return x * scaled_mask",
            ("dropout", "dropout_half"),
        ),
        Row("step", "w <- w - alpha g", "koubai.optim.sgd:SGD.update", "w -= alpha * dw"),
    )
    questions = ("gap", "dropout_scale")
    experiment_name = "over-fitting"

    def experiment(self, seeds: Sequence[int]) -> Experiment:
        """Few images, a large network; nothing against over-fitting, and four things."""
        data = source("digits", train=IMAGES)
        base = Recipe(Mlp(HIDDEN), data, optimizer=SGD(0.05), steps=STEPS, batch_size=50)
        arms = tuple(Arm(name, edits) for name, edits in CHANGES.items())
        return self.experiment_of(base, arms, seeds, taps=1, evaluations=1)

    def facts(self, runs: Sequence[RunResult]) -> dict[str, float]:
        """Training and test accuracies; how hard L2 pulls, and how large the whole gradient is."""
        facts: dict[str, float] = {"images": IMAGES, "strength": L2_STRENGTH}
        for arm in self.arms:
            mine = [run.scores for run in runs if run.arm == arm]
            facts[f"{arm}_accuracy"] = float(np.mean([scores["test_accuracy"] for scores in mine]))
            facts[f"{arm}_train_accuracy"] = float(np.mean([scores["train_accuracy"] for scores in mine]))
        first = self.trace()[0].places
        return facts | {"l2_pull": first["l2"]["pull"], "data_pull": first["none"]["gradient"]}

    def trace(self) -> list[Frame]:
        """For each arm: the gradient of the first weights, the penalty's part of it, units that are kept."""
        places: list[dict[str, dict[str, float]]] = [{} for _ in range(_UPDATES)]
        experiment = self.experiment((0,))
        for arm in experiment.arms:
            session = looked_at(experiment.plan(arm, 0), _UPDATES)
            path = next(path for path in session.network.param_specs if path.endswith("weight"))
            count = float(np.prod(session.network.param_specs[path].shape))
            series = session.history.series
            gradients, sizes = (series(name, path)[1] for name in ("gradient_norm", "weight_norm"))
            steps = series("update_ratio", path)[1] * sizes
            for i, place in enumerate(places):
                pulls = {"l2": L2_STRENGTH * float(sizes[i]), "l1": L1_STRENGTH * sqrt(count)}
                place[arm.name] = {
                    "gradient": float(gradients[i]),
                    "pull": pulls.get(arm.name, 0.0),
                    "kept_share": 1 - CHANGES[arm.name].get("network.dropout", 0.0),
                    "moved": float(steps[i]),
                }
        return [Frame(i + 1, place) for i, place in enumerate(places)]
