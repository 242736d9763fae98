"""Valley: which way do optimizers take where one direction is steep and the other flat?"""

from __future__ import annotations

from typing import ClassVar

from koubai.lab.conclude.phrases import arm_sentences, mean_of
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.declare.experiment import Arm, Claim, Experiment, Observations
from koubai.lab.declare.measures import Measured
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.lab.perform.plans.descent import Descent
from koubai.lab.perform.plans.surfaces import Valley as Surface
from koubai.optim.adagrad import AdaGrad
from koubai.optim.adam import Adam
from koubai.optim.momentum import Momentum
from koubai.optim.rmsprop import RMSProp
from koubai.optim.sgd import SGD


@CATALOG.register
class Valley(Entry):
    """f = x^2 / 20 + y^2 from (-7, 2), 30 steps: SGD .95, Momentum .1, AdaGrad 1.5, Adam .3; and RMSProp.

    The gradient points across the valley, not along it: SGD jumps from wall to wall. Momentum rolls and
    overshoots, AdaGrad and RMSProp scale every direction by its own past, Adam does both. The course has no
    RMSProp here; its two rates, .1 and .3, are ours. Every optimizer has its own rate, so who ends nearest is
    about these rates.
    """

    data: ClassVar = ("none",)

    def experiment(self, data: str) -> Experiment:
        """Six paths; nothing is random, so one seed."""
        return Experiment(
            name=self.registry_name,
            base=Descent(surface=Surface(), optimizer=SGD(0.95), start=(-7.0, 2.0), steps=30),
            arms=(
                Arm("SGD .95", {"optimizer": SGD(0.95)}),
                Arm("Momentum .1", {"optimizer": Momentum(0.1)}),
                Arm("AdaGrad 1.5", {"optimizer": AdaGrad(1.5)}),
                Arm("Adam .3", {"optimizer": Adam(0.3)}),
                Arm("RMSProp .1", {"optimizer": RMSProp(0.1)}),
                Arm("RMSProp .3", {"optimizer": RMSProp(0.3)}),
            ),
            seeds=(0,),
            measure="distance",
            claims=tuple(
                Claim(name, "SGD .95", "distance", "lower")
                for name in ("Momentum .1", "AdaGrad 1.5", "Adam .3", "RMSProp .1", "RMSProp .3")
            ),
            observations=Observations(taps=0, evaluations=0),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """For every optimizer: where it ended, how often it crossed the valley; then what that rests on."""
        ends = arm_sentences(
            result,
            "experiments.valley.arm",
            lambda arm: {
                "distance": Measured("distance", mean_of(result, arm, "distance")),
                "turns": round(mean_of(result, arm, "turns")),
            },
        )
        return [*ends, Sentence("experiments.valley.rates")]
