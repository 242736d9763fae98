"""Lesson 9: which penalty makes weights exactly 0, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from koubai.lab.course.settings import source
from koubai.lab.declare.experiment import Arm, Experiment
from koubai.lab.perform.run_result import RunResult
from koubai.lab.perform.training import NEAR_ZERO
from koubai.models.mlp import Mlp
from koubai.optim.sgd import SGD
from koubai.penalties.p_norm import L1, L2
from koubai.penalties.penalty import Penalty
from koubai.penalties.proximal_l1 import ProximalL1
from koubai.study.lessons.lesson import LESSONS, Frame, Guess, Lesson, Row, Wrong
from koubai.train.recipe import Recipe

STEPS, RATE = 1000, 0.05
PENALTIES: dict[str, tuple[Penalty, ...]] = {
    "none": (),
    "l2": (L2(0.1),),
    "l1": (L1(0.003),),
    "soft": (ProximalL1(0.003),),
}
STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1)
KINDS: dict[str, type[Penalty]] = {"l2": L2, "l1": L1, "soft": ProximalL1}
_SMALL = 0.0004
"""A weight that the data do not pull at, followed through some updates: what the penalty alone does."""
_UPDATES = 8
_BY = "koubai.penalties"


@LESSONS.register
class Sparsity(Lesson):
    """L2 pulls in proportion and never arrives; L1 pulls evenly and steps past 0.

    A soft threshold, the same penalty taken another way, stops at 0.
    """

    number = 9
    guess = Guess("levels", tuple(PENALTIES), low=0, high=1, start=0.5, step=0.01, share=True)
    arms = tuple(PENALTIES)
    reasons = ("steps_past", "l2_small", "norm", "bias")
    wrongs = (Wrong("l1_zero", {"l1": (0.1, 1)}), Wrong("l2_small", {"l2": (0.1, 1)}))
    usual = "l1_zero"
    others = ("power",)
    slider = STRENGTHS
    slider_arms = ("l2", "l1", "soft")
    slider_numbers = ("zero_weights", "small_weights", "test_accuracy")
    rows = (
        Row(
            "pull",
            "w <- w - alpha lambda w",
            f"{_BY}.p_norm:L2.gradient",
            "return self.strength * w",
            ("l2",),
        ),
        Row(
            "pull",
            "w <- w - alpha lambda sign(w)",
            f"{_BY}.p_norm:L1.gradient",
            "return self.strength * np.sign(w)",
            ("l1",),
        ),
        Row(
            "pull",
            "w <- sign(w) max(|w| - alpha lambda, 0)",
            f"{_BY}.proximal_l1:ProximalL1.shrink",
            "np.multiply(np.sign(w)",
            ("soft",),
        ),
    )
    questions = ("penalty_gradient", "diamond", "ridge")
    experiment_name = "l1-l2"

    def experiment(self, seeds: Sequence[int]) -> Experiment:
        """One network, four penalties."""
        base = Recipe(Mlp((50,)), source("digits", train=500), optimizer=SGD(RATE), steps=STEPS)
        arms = tuple(Arm(name, {"penalties": penalties}) for name, penalties in PENALTIES.items())
        return self.experiment_of(base, arms, seeds, taps=1, evaluations=1, evaluate_rows=1)

    def beside(self, seeds: Sequence[int]) -> Experiment:
        """Each penalty at every strength."""
        arms = tuple(
            Arm(f"{name} {strength:g}", {"penalties": (kind(strength),)})
            for strength in STRENGTHS
            for name, kind in KINDS.items()
        )
        return replace(self.experiment(seeds), name=f"lesson-{self.registry_name}-strengths", arms=arms)

    def values(self, run: RunResult) -> dict[str, float]:
        """Share of all weights that are exactly 0."""
        return {run.arm: run.scores["zero_weights"]}

    def facts(self, runs: Sequence[RunResult]) -> dict[str, float]:
        """Shares that are 0 and that are small, accuracies, and how large weights and biases are."""
        facts: dict[str, float] = {"near": NEAR_ZERO, "rate": RATE}
        for arm in self.arms:
            mine = [run.scores for run in runs if run.arm == arm]
            facts |= {
                f"{arm}_share": float(np.mean([scores["zero_weights"] for scores in mine])),
                f"{arm}_small_share": float(np.mean([scores["small_weights"] for scores in mine])),
                f"{arm}_accuracy": float(np.mean([scores["test_accuracy"] for scores in mine])),
                f"{arm}_weights": float(np.mean([scores["weight_norm"] for scores in mine])),
                f"{arm}_biases": float(np.mean([scores["bias_norm"] for scores in mine])),
            }
        facts |= self._powers()
        facts["pull"] = RATE * PENALTIES["l1"][0].strength
        return facts

    def _powers(self) -> dict[str, float]:
        """How much of a weight of 1 a step takes, when all weights are 1, with the power p = 2 and without.

        (lambda/2) |w|^2 has the gradient lambda w; (lambda/2) |w| has lambda w / (2 |w|): its length is
        lambda/2, however long w is.
        """
        (penalty,) = PENALTIES["l2"]
        few, many = np.ones(100), np.ones(10_000)
        return {
            "with_power": float(penalty.gradient(few)[0]),
            "without_power_few": float((penalty.gradient(few) / (2 * np.linalg.norm(few)))[0]),
            "without_power_many": float((penalty.gradient(many) / (2 * np.linalg.norm(many)))[0]),
        }

    def trace(self) -> list[Frame]:
        """One small weight under each penalty alone, from update to update."""
        places: list[dict[str, dict[str, float]]] = [{} for _ in range(_UPDATES)]
        for arm, penalties in list(PENALTIES.items())[1:]:
            w = np.array([_SMALL])
            for place in places:
                before = float(w[0])
                for penalty in penalties:
                    if penalty.proximal:
                        penalty.shrink(w, RATE)
                    else:
                        w -= RATE * penalty.gradient(w)
                place[arm] = {"before": before, "after": float(w[0])}
        return [Frame(i + 1, place) for i, place in enumerate(places)]
