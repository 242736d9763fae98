"""Optimizers: which one gets a sigmoid network with small weights off the plateau?"""

from __future__ import annotations

from koubai.lab.course.parts import ThetaAdaGrad
from koubai.lab.course.settings import COURSE_HIDDEN, GAUSS, beats, source
from koubai.lab.declare.experiment import Arm, Experiment, Observations, Published, with_published
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.models.mlp import Mlp
from koubai.optim.adagrad import AdaGrad
from koubai.optim.adam import Adam
from koubai.optim.momentum import Momentum
from koubai.optim.optimizer import Optimizer
from koubai.optim.rmsprop import RMSProp
from koubai.optim.sgd import SGD
from koubai.train.recipe import Recipe

OPTIMIZERS: dict[str, Optimizer] = {
    "SGD .01": SGD(0.01),
    "Momentum .01": Momentum(0.01),
    "Momentum .3": Momentum(0.3),
    "AdaGrad .01": AdaGrad(0.01),
    "AdaGrad .01, h from 1e-4": ThetaAdaGrad(0.01),
    "AdaGrad .1": AdaGrad(0.1),
    "RMSProp .01": RMSProp(0.01),
    "Adam .01": Adam(0.01),
}
PUBLISHED = {
    "SGD .01": Published(0.1135, None, 15),
    "Momentum .01": Published(0.1105, 0.006, 17),
    "Momentum .3": Published(0.933, 0.004, 8),
    "AdaGrad .01, h from 1e-4": Published(0.1135),
    "AdaGrad .1": Published(0.926, 0.008, 8),
    "RMSProp .01": Published(0.942, 0.007, 20),
    "Adam .01": Published(0.945, 0.003, 17),
}


@CATALOG.register
class Optimizers(Entry):
    """784-40-20-10 with sigmoid and weights from normal(0, .01), 1000 updates.

    The gradients are so small that only a large learning rate, or one that grows where gradients are
    small (RMSProp, Adam), gets anywhere in time. A comparison at one learning rate compares rates.
    The course's AdaGrad starts h at 1e-4 and drops the first gradient (D6): with a rate of .01 it never
    leaves chance, where the right one is on its way.
    """

    def experiment(self, data: str) -> Experiment:
        """The course's arms, and AdaGrad as it should be beside its form with D6."""
        arms = tuple(
            Arm(name, {"optimizer": value}, defect="D6" if isinstance(value, ThetaAdaGrad) else None)
            for name, value in OPTIMIZERS.items()
        )
        return Experiment(
            name=self.registry_name,
            base=Recipe(
                Mlp(COURSE_HIDDEN, activation="sigmoid"), source(data), initializer=GAUSS, steps=1000
            ),
            arms=with_published(arms, PUBLISHED) if data == "mnist" else arms,
            seeds=tuple(range(8)),
            baseline="SGD .01",
            claims=(
                beats("Adam .01", "SGD .01"),
                beats("RMSProp .01", "SGD .01"),
                beats("Momentum .3", "Momentum .01"),
                beats("AdaGrad .1", "AdaGrad .01"),
                beats("AdaGrad .01", "AdaGrad .01, h from 1e-4"),
            ),
            observations=Observations(),
        )
