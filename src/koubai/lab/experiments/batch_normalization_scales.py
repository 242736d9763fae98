"""Batch normalization over scales: how much does it forgive a badly chosen initial scale?"""

from __future__ import annotations

import numpy as np

from koubai.initializers.normal import Normal
from koubai.lab.conclude.phrases import mean_of
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import beats, source
from koubai.lab.declare.experiment import Axis, Experiment, Observations, grid
from koubai.lab.declare.measures import Measured
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.models.mlp import Mlp
from koubai.optim.sgd import SGD
from koubai.train.recipe import Recipe

SCALES = tuple(float(f"{scale:.2g}") for scale in np.logspace(0, -4, 16))
_LEARNED = 0.5  # an accuracy that no network reaches by chance


@CATALOG.register
class BatchNormalizationScales(Entry):
    """Five hidden layers of 100 with ReLU, weights from normal(0, s) for 16 scales s from 1 to .0001.

    1,000 training samples, SGD .01, 200 updates. He's scale for 100 inputs is sqrt(2/100) = .14: the claims
    are about a scale nearby, one far above and one far below.
    """

    def experiment(self, data: str) -> Experiment:
        """With and without, at every scale."""
        return Experiment(
            name=self.registry_name,
            base=Recipe(
                Mlp((100,) * 5), source(data, train=1000), optimizer=SGD(0.01), batch_size=100, steps=200
            ),
            arms=grid(
                Axis("scale", {f"{scale:g}": {"initializer": Normal(scale)} for scale in SCALES}),
                Axis("normalization", {"plain": {}, "BN": {"network.batch_norm": True}}),
            ),
            baseline="0.16 + plain",
            claims=tuple(beats(f"{scale} + BN", f"{scale} + plain") for scale in ("0.54", "0.16", "0.014")),
            observations=Observations(taps=10, evaluations=10),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """At how many scales each learned, and the best and worst of each."""
        said = []
        for kind in result.experiment.axes["normalization"]:
            means = [
                mean_of(result, arm.name, "test_accuracy")
                for arm in result.experiment.arms
                if arm.factors["normalization"] == kind and result.of(arm.name)
            ]
            if means:
                values = {
                    "kind": kind,
                    "count": sum(mean > _LEARNED for mean in means),
                    "total": len(means),
                    "limit": Measured("accuracy", _LEARNED),
                    "best": Measured("accuracy", max(means)),
                    "worst": Measured("accuracy", min(means)),
                }
                said.append(Sentence("experiments.batch_normalization_scales.kind", values))
        return said
