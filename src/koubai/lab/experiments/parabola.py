"""Parabola: how large may a step of gradient descent be?"""

from __future__ import annotations

from typing import ClassVar

from koubai.lab.conclude.phrases import arm_text, first_runs
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.declare.experiment import Axis, Claim, Experiment, Observations, grid
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.lab.perform.plans.descent import Descent
from koubai.lab.perform.plans.surfaces import Parabola as Surface
from koubai.optim.sgd import SGD

RATES = (0.05, 0.3, 0.5, 0.9, 1.0, 1.05)
START_DISTANCE = 5.0


@CATALOG.register
class Parabola(Entry):
    """f(x) = (x - a)^2 + b: the error shrinks by (1 - 2 alpha) a step, so it converges iff 0 < alpha < 1.

    One step arrives at alpha = .5; beyond, x jumps from side to side; at 1 forever, then away.
    """

    data: ClassVar = ("none",)

    def experiment(self, data: str) -> Experiment:
        """Six learning rates from the same start; nothing is random, so one seed."""
        rates = {f"eps {rate:g}": {"optimizer.learning_rate": rate} for rate in RATES}
        return Experiment(
            name=self.registry_name,
            base=Descent(
                surface=Surface(a=2.0, b=1.0), optimizer=SGD(0.1), start=(2.0 - START_DISTANCE,), steps=20
            ),
            arms=grid(Axis("learning rate", rates)),
            seeds=(0,),
            baseline="eps 0.5",
            measure="distance",
            claims=(
                Claim("eps 0.5", None, "distance", "lower", margin=1e-12),
                Claim("eps 0.9", None, "distance", "lower", margin=0.1),
                Claim("eps 1.05", None, "distance", "higher", margin=START_DISTANCE),
            ),
            observations=Observations(taps=0, evaluations=0),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """For every rate: the factor a step as measured on the path, and what follows from it."""
        said = []
        for arm, run in first_runs(result):
            _, distance = run.history.series("distance")
            _, x = run.history.series("position", "x")
            factor = float((x[1] - 2.0) / (x[0] - 2.0))
            kind = _kind(factor, distance[0], distance[-1])
            values = {
                "arm": arm_text(result, arm),
                "factor": f"{factor:.2g}",
                "end": f"{distance[-1]:.3g}",
            }
            said.append(Sentence(f"experiments.parabola.{kind}", values))
        return said


def _kind(factor: float, first: float, last: float) -> str:
    if abs(factor) < 1e-12:
        return "one_step"
    if last > first * (1 + 1e-9):
        return "diverges"
    if last >= first * (1 - 1e-9):
        return "forever"
    return "swings" if factor < 0 else "converges"
