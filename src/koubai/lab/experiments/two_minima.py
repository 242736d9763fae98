"""Two minima: which optimizer ends in the deeper one, from how many starts?"""

from __future__ import annotations

from typing import ClassVar

from koubai.lab.conclude.phrases import arm_sentences, mean_of
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import beats
from koubai.lab.declare.experiment import Arm, Claim, Experiment, Observations
from koubai.lab.declare.measures import Measured
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.lab.perform.plans.starts import Starts
from koubai.lab.perform.plans.surfaces import TwoMinima as Surface
from koubai.optim.adagrad import AdaGrad
from koubai.optim.adam import Adam
from koubai.optim.momentum import Momentum
from koubai.optim.optimizer import Optimizer
from koubai.optim.rmsprop import RMSProp
from koubai.optim.sgd import SGD

OPTIMIZERS: dict[str, Optimizer] = {
    "SGD .05": SGD(0.05),
    "Momentum .05": Momentum(0.05),
    "AdaGrad .3": AdaGrad(0.3),
    "RMSProp .03": RMSProp(0.03),
    "Adam .3": Adam(0.3),
}


@CATALOG.register
class TwoMinima(Entry):
    """f = x^4 / 4 - x^2 / 2 - .2 x: a shallow minimum on the left, a deep one right; 200 starts a seed.

    The notes say that Momentum reaches the global optimum and no local one. It has inertia: started high
    enough on the left it rolls through the shallow minimum into the deep one. Started low on the left it
    does not, and started high on the right it can roll out of the deep one. Nothing in a gradient tells
    which minimum is the deepest, so no such rule can promise it.
    """

    data: ClassVar = ("none",)

    def experiment(self, data: str) -> Experiment:
        """Five optimizers; the starts of a seed are the same for all."""
        share = "global_share"
        return Experiment(
            name=self.registry_name,
            base=Starts(surface=Surface(), optimizer=SGD(0.05), low=-2.0, high=2.0, count=200, steps=500),
            arms=tuple(Arm(name, {"optimizer": optimizer}) for name, optimizer in OPTIMIZERS.items()),
            seeds=tuple(range(8)),
            measure=share,
            claims=(
                *(beats(name, "SGD .05", share) for name in ("Momentum .05", "RMSProp .03", "Adam .3")),
                Claim("Momentum .05", None, share, "higher", margin=0.99),
            ),
            observations=Observations(taps=0, evaluations=0),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """For every arm: from how many starts it ended in the deep minimum, and what crossed over."""
        measures = ("global_share", "passed_shallow", "left_deep")
        ends = arm_sentences(
            result,
            "experiments.two_minima.arm",
            lambda arm: {measure: Measured(measure, mean_of(result, arm, measure)) for measure in measures},
        )
        return [*ends, Sentence("experiments.two_minima.note")]
