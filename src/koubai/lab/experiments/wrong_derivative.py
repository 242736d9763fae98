"""Wrong derivative: what does a mistake in the backward formula cost, if the network learns all the same?"""

from __future__ import annotations

from koubai.initializers.normal import HeNormal, LeCunNormal
from koubai.lab.course.parts import ActivatedSigmoid, CrossedReLU, mlp_of
from koubai.lab.course.settings import COURSE_HIDDEN, beats, source
from koubai.lab.declare.experiment import Arm, Experiment, Observations
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.layers.activations import Activation, Sigmoid
from koubai.layers.rectifiers import ReLU
from koubai.optim.sgd import SGD
from koubai.train.recipe import Recipe

PAIRS: tuple[tuple[str, Activation, str | None], ...] = (
    ("sigmoid", Sigmoid(), None),
    ("sigmoid, derivative at the output", ActivatedSigmoid(), "D1"),
    ("ReLU", ReLU(), None),
    ("ReLU, derivative of sigmoid", CrossedReLU(), "D2"),
)


@CATALOG.register
class WrongDerivative(Entry):
    """The course takes sigmoid's derivative at the output (D1), and in one exercise ReLU's from sigmoid (D2).

    Both train: a wrong gradient that points roughly downhill is the hardest mistake to notice, and the
    reason why every formula here is compared with central differences. 784-40-20-10, SGD .1, 2000 updates.
    """

    def experiment(self, data: str) -> Experiment:
        """Two right derivatives and two wrong ones."""
        arms = tuple(
            Arm(
                name,
                {
                    "network": mlp_of(COURSE_HIDDEN, 10, activation),
                    "initializer": LeCunNormal() if name.startswith("sigmoid") else HeNormal(),
                },
                defect=defect,
            )
            for name, activation, defect in PAIRS
        )
        base = Recipe(mlp_of(COURSE_HIDDEN, 10, Sigmoid()), source(data), optimizer=SGD(0.1), steps=2000)
        return Experiment(
            name=self.registry_name,
            base=base,
            arms=arms,
            claims=(
                beats("sigmoid", "sigmoid, derivative at the output"),
                beats("ReLU", "ReLU, derivative of sigmoid"),
            ),
            observations=Observations(),
        )
