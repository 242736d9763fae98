"""What the experiments with the course's three convolutional networks have in common."""

from __future__ import annotations

from typing import ClassVar

from koubai.core.layer import Layer
from koubai.initializers.initializer import Initializer
from koubai.lab.conclude.phrases import mean_of, network_sentences
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import GAUSS, beats, source
from koubai.lab.declare.experiment import Arm, Experiment, Observations, Published, Text
from koubai.lab.experiments.entry import Entry
from koubai.models.mlp import Mlp
from koubai.optim.adam import Adam
from koubai.train.recipe import Recipe


class BesideDense(Entry):
    """A convolutional network beside a dense one under the same settings."""

    network: ClassVar[Layer]
    initializer: ClassVar[Initializer] = GAUSS
    steps: ClassVar[int] = 1000
    published: ClassVar[Published]

    def experiment(self, data: str) -> Experiment:
        """The network of the course and a dense one."""
        sizes = {} if data == "digits" else {"train": 5000, "test": 1000}
        return Experiment(
            name=self.registry_name,
            base=Recipe(
                self.network,
                source(data, **sizes),
                optimizer=Adam(0.001),
                initializer=self.initializer,
                steps=self.steps,
            ),
            arms=(
                Arm("dense", {"network": Mlp((100,))}, label=Text("dense network", "全結合ネットワーク")),
                Arm(
                    "convolutional",
                    label=Text("convolutional network", "畳み込みネットワーク"),
                    published=self.published if data == "mnist" else None,
                ),
            ),
            claims=(beats("convolutional", "dense"),),
            observations=Observations(taps=20, evaluations=10, filters=True),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """How each network ended, with its parameters and multiply-adds; then what that cannot show."""
        dense, own = (mean_of(result, name, "parameters") for name in ("dense", "convolutional"))
        sizes = {"steps": result.experiment.base.steps, "ratio": f"{own / dense:.2g}"}
        return [*network_sentences(result), Sentence("lab.outcome.unequal", sizes)]
