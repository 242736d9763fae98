"""AdaGrad stalls where early gradients were large: its rate only ever falls."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from koubai.lab.conclude.phrases import arm_text, first_runs
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.declare.experiment import Arm, Claim, Experiment, Observations
from koubai.lab.declare.measures import Measured
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.lab.perform.plans.descent import Descent
from koubai.lab.perform.plans.surfaces import Cliff
from koubai.optim.adagrad import AdaGrad
from koubai.optim.optimizer import Optimizer
from koubai.optim.rmsprop import RMSProp
from koubai.optim.sgd import SGD

SLOPE, CLIFF = "from the slope", "from the cliff"
STARTS = {SLOPE: (-8.0,), CLIFF: (-10.0,)}
OPTIMIZERS: dict[str, Optimizer] = {
    "SGD .05": SGD(0.05),
    "AdaGrad .5": AdaGrad(0.5),
    "RMSProp .1": RMSProp(0.1),
    "RMSProp .1, decay .9": RMSProp(0.1, decay=0.9),
}


@CATALOG.register
class AdagradStalls(Entry):
    """A gentle slope of .5 down to the minimum at 0, and left of -8 a cliff; 300 steps from -8 or from -10.

    AdaGrad divides by the root of the sum of all squared gradients, and a sum forgets nothing: a few huge
    gradients at the start make every later step small. From the top of the slope it arrives; from the cliff
    it creeps. RMSProp divides by a mean that forgets, and the sooner it forgets the sooner it goes on: with
    the usual decay of .9 sooner than with the course's .99.
    """

    data: ClassVar = ("none",)
    also: ClassVar = ("AdaGradの停滞", "AdaGrad の停滞", "学習率が小さくなりすぎる")

    def experiment(self, data: str) -> Experiment:
        """Four optimizers, each from both starts; nothing is random, so one seed."""
        arms = tuple(
            Arm(
                f"{name}, {start}",
                {"optimizer": optimizer, "start": at},
                {"optimizer": name, "start": start},
            )
            for name, optimizer in OPTIMIZERS.items()
            for start, at in STARTS.items()
        )
        stuck = f"AdaGrad .5, {CLIFF}"
        return Experiment(
            name=self.registry_name,
            base=Descent(surface=Cliff(), optimizer=SGD(0.05), start=(-8.0,), steps=300),
            arms=arms,
            seeds=(0,),
            baseline=stuck,
            measure="distance",
            claims=(
                Claim(f"AdaGrad .5, {SLOPE}", None, "distance", "lower", margin=0.01),
                Claim(stuck, None, "distance", "higher", margin=5.0),
                *(
                    Claim(f"{name}, {CLIFF}", stuck, "distance", "lower")
                    for name in ("RMSProp .1", "RMSProp .1, decay .9")
                ),
                Claim(f"RMSProp .1, decay .9, {CLIFF}", f"RMSProp .1, {CLIFF}", "distance", "lower"),
            ),
            observations=Observations(taps=0, evaluations=0),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """For every arm: where it ended and how long its last step was; then what AdaGrad divides by."""
        said = []
        for arm, run in first_runs(result):
            _, x = run.history.series("position", "x")
            values = {
                "arm": arm_text(result, arm),
                "steps": len(x) - 1,
                "distance": Measured("distance", run.scores["distance"]),
                "last": f"{_last_step(result, arm):.2g}",
            }
            said.append(Sentence("experiments.adagrad_stalls.arm", values))
        if not all(result.of(arm) for arm in result.arms):
            return said
        roots = {start: _root(result, f"AdaGrad .5, {start}") for start in STARTS}
        values = {"slope": f"{roots[SLOPE]:.2g}", "cliff": f"{roots[CLIFF]:.3g}"}
        values["hover"] = f"{_last_step(result, f'RMSProp .1, decay .9, {SLOPE}'):.2g}"
        return [
            *said,
            Sentence("experiments.adagrad_stalls.why", values),
            Sentence("experiments.adagrad_stalls.limits"),
        ]


def _last_step(result: ExperimentResult, arm: str) -> float:
    """Return how long the last step of an arm was."""
    _, x = result.of(arm)[0].history.series("position", "x")
    return float(abs(x[-1] - x[-2]))


def _root(result: ExperimentResult, arm: str) -> float:
    """Return the root of the sum of all squared gradients on an arm's path, which AdaGrad divides by."""
    surface = result.experiment.plan(result.arms[arm], 0).surface
    _, x = result.of(arm)[0].history.series("position", "x")
    return float(np.sqrt(np.square(surface.gradient(x[:-1])).sum()))
