"""Saddle: how long does an optimizer stay where the gradient is small and no minimum is?"""

from __future__ import annotations

from typing import ClassVar

from koubai.lab.conclude.phrases import arm_sentences, mean_of
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.declare.experiment import Arm, Claim, Experiment, Observations, Text
from koubai.lab.declare.measures import Measured
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.lab.perform.plans.descent import Descent
from koubai.lab.perform.plans.surfaces import Saddle as Surface
from koubai.optim.adagrad import AdaGrad
from koubai.optim.adam import Adam
from koubai.optim.momentum import Momentum
from koubai.optim.optimizer import Optimizer
from koubai.optim.rmsprop import RMSProp
from koubai.optim.sgd import SGD

STEPS, TURN = 300, 45.0
START = (-2.0, 0.01)  # along the valley, and how far beside its floor
OPTIMIZERS: dict[str, Optimizer] = {
    "SGD .1": SGD(0.1),
    "Momentum .1": Momentum(0.1),
    "AdaGrad .1": AdaGrad(0.1),
    "RMSProp .01": RMSProp(0.01),
    "Adam .1": Adam(0.1),
}


@CATALOG.register
class Saddle(Entry):
    """f = x^2 / 2 + (y^2 - 1)^2 / 4 from (-2, .01), 300 steps: down a valley that ends in a saddle.

    Beside the saddle the gradient across is nearly 0, and SGD needs many steps to grow it. Momentum gathers
    speed. AdaGrad, RMSProp and Adam scale every coordinate by its own past, so the small one counts as much
    as the large one: their first step is .1 along both. That is so only while the saddle lies along the
    coordinates: turned by 45 degrees, every coordinate is full of the large gradient, and they are slow
    too, AdaGrad longest, since it forgets nothing. Exactly on the ridge, at y = 0, the gradient across is
    0, and none ever leaves.
    """

    data: ClassVar = ("none",)

    def experiment(self, data: str) -> Experiment:
        """Five optimizers along the axes, three turned, one on the ridge; nothing is random, so one seed."""
        turned = Surface(turn=TURN)
        arms = (
            *(Arm(name, {"optimizer": optimizer}) for name, optimizer in OPTIMIZERS.items()),
            *(
                Arm(
                    f"{name}, turned",
                    {"optimizer": OPTIMIZERS[name], "surface": turned, "start": turned.place(*START)},
                    label=Text(f"{name}, turned 45°", f"{name}、45° 回転"),
                )
                for name in ("AdaGrad .1", "RMSProp .01", "Adam .1")
            ),
            Arm(
                "Momentum .1, on the ridge",
                {"optimizer": OPTIMIZERS["Momentum .1"], "start": (START[0], 0.0)},
                label=Text("Momentum .1, on the ridge", "Momentum .1、尾根の真上"),
            ),
        )
        near = "steps_near_saddle"
        return Experiment(
            name=self.registry_name,
            base=Descent(surface=Surface(), optimizer=SGD(0.1), start=START, steps=STEPS),
            arms=arms,
            seeds=(0,),
            measure=near,
            claims=(
                *(Claim(name, "SGD .1", near, "lower") for name in ("Momentum .1", "AdaGrad .1")),
                Claim("AdaGrad .1, turned", "SGD .1", near, "lower"),
                Claim("RMSProp .01, turned", "AdaGrad .1, turned", near, "lower"),
                Claim("Momentum .1, on the ridge", "SGD .1", near, "lower"),
            ),
            observations=Observations(taps=0, evaluations=0),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """For every arm: how long it was near the saddle, and how far from the minimum it ended."""
        ends = arm_sentences(
            result,
            "experiments.saddle.arm",
            lambda arm: {
                "steps": result.experiment.base.steps,
                "near": round(mean_of(result, arm, "steps_near_saddle")),
                "distance": Measured("distance", mean_of(result, arm, "distance")),
            },
        )
        return [*ends, Sentence("experiments.saddle.note")]
