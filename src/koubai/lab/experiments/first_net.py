"""First net: one hidden layer, enough to read most handwritten digits."""

from __future__ import annotations

from koubai.lab.course.settings import GAUSS, beats, source
from koubai.lab.declare.experiment import Arm, Experiment, Observations, Published
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.models.mlp import Mlp
from koubai.optim.sgd import SGD
from koubai.train.recipe import Recipe


@CATALOG.register
class FirstNet(Entry):
    """784-40-10 with ReLU, weights from normal(0, .01), SGD .1, 1000 updates; beside it no hidden layer."""

    def experiment(self, data: str) -> Experiment:
        """The course's first network, and softmax regression."""
        published = Published(0.9196, 0.0016, 7) if data == "mnist" else None
        return Experiment(
            name=self.registry_name,
            base=Recipe(Mlp((40,)), source(data), optimizer=SGD(0.1), initializer=GAUSS, steps=1000),
            arms=(
                Arm("no hidden layer", {"network.hidden": ()}),
                Arm("one hidden layer", published=published),
            ),
            seeds=tuple(range(12)),
            claims=(beats("one hidden layer", "no hidden layer"),),
            observations=Observations(weights=True),
        )
