"""Momentum in the valley: why it loses at the course's rates, and when it wins."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from koubai.lab.conclude.phrases import arm_sentences, mean_of
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.declare.experiment import Arm, Claim, Experiment, Observations
from koubai.lab.declare.measures import Measured
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.lab.perform.plans.descent import Descent
from koubai.lab.perform.plans.surfaces import Valley as Surface
from koubai.optim.momentum import Momentum
from koubai.optim.optimizer import Optimizer
from koubai.optim.sgd import SGD

STEPS = 30
FLAT, STEEP = 2 / Surface().flatness, 2.0  # the curvatures of the valley, along and across
OPTIMIZERS: dict[str, SGD | Momentum] = {
    "SGD .95": SGD(0.95),
    "SGD .1": SGD(0.1),
    "Momentum .1": Momentum(0.1),
    "Momentum 1.33, mu .41": Momentum(1.33, momentum=0.41),
}


def left_of_a_step(optimizer: Optimizer, curvature: float) -> float:
    """Return what a step leaves of the error in the long run where the gradient is curvature times the error.

    SGD: abs(1 - alpha h). Momentum: e(t+1) = (1 + mu - alpha h) e(t) - mu e(t-1), so the larger root of
    z^2 - (1 + mu - alpha h) z + mu.
    """
    mu = optimizer.momentum if isinstance(optimizer, Momentum) else 0.0
    return float(np.abs(np.roots([1, -(1 + mu - optimizer.learning_rate * curvature), mu])).max())


def least_of_sgd() -> float:
    """Return what the best rate leaves of both errors: at alpha = 2 / (h1 + h2), (h2 - h1) / (h2 + h1)."""
    return (STEEP - FLAT) / (STEEP + FLAT)


@CATALOG.register
class ValleyMomentum(Entry):
    """f = x^2 / 20 + y^2 from (-7, 2), 30 steps: Momentum .1 beside SGD at its rate and SGD at SGD's best.

    In the valley of the course Momentum ends farther from the minimum than SGD. SGD's rate there, .95, is
    next to the best that SGD can have; Momentum's inertia, mu = .9, is too much for so few steps, whatever
    its rate. With mu .41 and the rate 1.33 it is far ahead.
    """

    data: ClassVar = ("none",)
    also: ClassVar = ("谷のモメンタム", "モメンタムと谷")

    def experiment(self, data: str) -> Experiment:
        """Four paths; nothing is random, so one seed."""
        return Experiment(
            name=self.registry_name,
            base=Descent(surface=Surface(), optimizer=SGD(0.95), start=(-7.0, 2.0), steps=STEPS),
            arms=tuple(Arm(name, {"optimizer": optimizer}) for name, optimizer in OPTIMIZERS.items()),
            seeds=(0,),
            measure="distance",
            claims=(
                Claim("Momentum .1", "SGD .1", "distance", "lower"),
                Claim("Momentum .1", "SGD .95", "distance", "lower"),
                Claim("Momentum 1.33, mu .41", "SGD .95", "distance", "lower"),
            ),
            observations=Observations(taps=0, evaluations=0),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """For every arm: where it ended, what a step leaves in the long run; then what bounds Momentum."""
        ends = arm_sentences(
            result,
            "experiments.valley_momentum.arm",
            lambda arm: {
                "steps": result.experiment.base.steps,
                "distance": Measured("distance", mean_of(result, arm, "distance")),
                "flat": f"{left_of_a_step(OPTIMIZERS[arm], FLAT):.3f}",
                "steep": f"{left_of_a_step(OPTIMIZERS[arm], STEEP):.3f}",
            },
        )
        mu = Momentum(0.1).momentum
        values = {
            "mu": f"{mu:g}",
            "bound": f"{mu**0.5:.3f}",
            "sgd": f"{max(left_of_a_step(OPTIMIZERS['SGD .95'], h) for h in (FLAT, STEEP)):.3f}",
            "best": f"{least_of_sgd():.3f}",
        }
        return [*ends, Sentence("experiments.valley_momentum.bound", values)]
