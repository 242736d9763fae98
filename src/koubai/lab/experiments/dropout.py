"""Dropout: how much silence helps?"""

from __future__ import annotations

from koubai.lab.conclude.phrases import gaps, outcomes
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import beats, source
from koubai.lab.declare.experiment import Arm, Claim, Experiment, Observations
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.models.mlp import Mlp
from koubai.optim.adam import Adam
from koubai.train.recipe import Recipe

RATIOS = (0.0, 0.1, 0.25, 0.5, 0.75)


@CATALOG.register
class Dropout(Entry):
    """Two hidden layers of 100 on 300 samples; while training, a share of the units is silent.

    Every update trains another thinned network; the whole one answers about as their mean would (their
    geometric mean exactly, where only one hidden layer and a softmax follow: Hinton et al. 2012). Too much
    silence, and less is learned in the time given.
    """

    def experiment(self, data: str) -> Experiment:
        """Five ratios."""
        return Experiment(
            name=self.registry_name,
            base=Recipe(Mlp((100, 100)), source(data, train=300), optimizer=Adam(0.001), steps=1000),
            arms=tuple(
                Arm(f"ratio {ratio:g}", {"network.dropout": ratio}, {"dropout": f"{ratio:g}"})
                for ratio in RATIOS
            ),
            seeds=tuple(range(12)),
            baseline="ratio 0",
            claims=(
                Claim("ratio 0.5", "ratio 0", "gap", "lower"),
                *(beats(f"ratio {ratio}", "ratio 0") for ratio in ("0.1", "0.5")),
                Claim("ratio 0.75", "ratio 0.5", "test_accuracy", "lower"),
            ),
            observations=Observations(histograms=True),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """How every ratio ended, and the gap."""
        return [*outcomes(result), *gaps(result)]
