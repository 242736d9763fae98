"""Optimizers by rate: how wide is each one's range of good learning rates, and does it stay where it is?"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from koubai.lab.conclude.phrases import arm_text, mean_of
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import COURSE_HIDDEN, source
from koubai.lab.declare.experiment import Arm, Claim, Experiment, Observations
from koubai.lab.declare.measures import Measured
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.lab.perform.plans.rates import WITHIN, Rates, good_rates
from koubai.models.mlp import Mlp
from koubai.optim.adagrad import AdaGrad
from koubai.optim.adam import Adam
from koubai.optim.momentum import Momentum
from koubai.optim.optimizer import Optimizer
from koubai.optim.rmsprop import RMSProp
from koubai.optim.sgd import SGD
from koubai.train.recipe import Recipe

RATES = tuple(float(f"{10 ** (k / 2):.1g}") for k in range(-8, 3))
OPTIMIZERS: dict[str, type[Optimizer]] = {
    "SGD": SGD,
    "Momentum": Momentum,
    "AdaGrad": AdaGrad,
    "RMSProp": RMSProp,
    "Adam": Adam,
}


@CATALOG.register
class OptimizerRates(Entry):
    """784-40-20-10 with ReLU, then with sigmoid: 11 learning rates from .0001 to 10, 300 updates each.

    The notes say that RMSProp needs few adjustments of its hyper-parameters. Two things could make that
    true: a wide range of rates that do well on a network, and a range that stays in place on another
    network. A rate does well where it comes within 5 points of the best that its optimizer reaches there,
    by the validation part. SGD's steps grow with the gradients, so its range moves with the network;
    dividing by the size of past gradients takes that away.
    """

    also: ClassVar = ("最適化手法と学習率", "よい学習率の幅", "学習率の幅", "ハイパーパラメータの調整")

    def experiment(self, data: str) -> Experiment:
        """Five optimizers, each at every rate on both networks."""
        recipe = Recipe(
            Mlp(COURSE_HIDDEN), source(data, validation=300 if data == "digits" else 5000), steps=300
        )
        good, shared = "good_rates", "shared_rates"
        return Experiment(
            name=self.registry_name,
            base=Rates(recipe=recipe, rates=RATES),
            arms=tuple(Arm(name, {"recipe.optimizer": kind()}) for name, kind in OPTIMIZERS.items()),
            seeds=tuple(range(12)),
            measure=good,
            claims=tuple(
                Claim("RMSProp", over, measure) for measure in (good, shared) for over in ("SGD", "Momentum")
            ),
            observations=Observations(taps=0, evaluations=0),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """For every optimizer: which rates are good on each network, how many on both; then the limits."""
        said = []
        for arm in result.arms:
            if not result.of(arm):
                continue
            relu, sigmoid = (_range(result, arm, i) for i in range(2))
            values = {
                "arm": arm_text(result, arm),
                "relu": relu,
                "sigmoid": sigmoid,
                "good": f"{mean_of(result, arm, 'good_rates'):.1f}",
                "shared": f"{mean_of(result, arm, 'shared_rates'):.1f}",
                "total": len(result.experiment.base.rates),
                "best": Measured("accuracy", mean_of(result, arm, "best_accuracy")),
            }
            said.append(Sentence("experiments.optimizer_rates.arm", values))
        return [*said, Sentence("experiments.optimizer_rates.limits", {"within": f"{100 * WITHIN:g}"})]


def _range(result: ExperimentResult, arm: str, network: int) -> Sentence:
    """Return the least and the greatest rate that were good on a network in at least half of the seeds."""
    plan = result.experiment.base
    share = np.mean(
        [
            good_rates(
                np.stack([run.history.series("val_accuracy", name)[1] for name in plan.activations]),
                run.scores["chance_limit"],
            )[network]
            for run in result.of(arm)
        ],
        axis=0,
    )
    good = [rate for rate, often in zip(plan.rates, share, strict=True) if often >= 0.5]
    if not good:
        return Sentence("experiments.optimizer_rates.none")
    return Sentence("experiments.optimizer_rates.range", {"low": f"{good[0]:g}", "high": f"{good[-1]:g}"})
