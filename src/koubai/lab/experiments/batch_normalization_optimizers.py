"""Batch normalization by optimizer: what do frozen gamma and beta (D3) cost, and with which optimizer?"""

from __future__ import annotations

from koubai.initializers.normal import LeCunNormal
from koubai.lab.conclude.phrases import mean_of
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import COURSE_HIDDEN, beats, source
from koubai.lab.declare.experiment import Axis, Experiment, Observations, grid
from koubai.lab.declare.measures import Measured
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.models.mlp import Mlp
from koubai.optim.adam import Adam
from koubai.optim.momentum import Momentum
from koubai.optim.rmsprop import RMSProp
from koubai.optim.sgd import SGD
from koubai.train.recipe import Recipe

OPTIMIZERS = {
    "SGD .01": SGD(0.01),
    "Momentum .1": Momentum(0.1),
    "RMSProp .01": RMSProp(0.01),
    "Adam .01": Adam(0.01),
}


@CATALOG.register
class BatchNormalizationOptimizers(Entry):
    """784-40-20-10 with sigmoid, Xavier and batch normalization; gamma and beta frozen (D3) or trained.

    With SGD .01 the network has not come far when training ends, and gamma and beta move little: D3 costs
    little. An optimizer that gets further may have more use for them.
    """

    def experiment(self, data: str) -> Experiment:
        """Four optimizers, each with gamma and beta frozen and trained."""
        base = Recipe(
            Mlp(COURSE_HIDDEN, activation="sigmoid", batch_norm=True),
            source(data),
            optimizer=SGD(0.01),
            initializer=LeCunNormal(),
            steps=300 if data == "digits" else 1000,
        )
        return Experiment(
            name=self.registry_name,
            base=base,
            arms=grid(
                Axis("optimizer", {name: {"optimizer": value} for name, value in OPTIMIZERS.items()}),
                Axis("gamma, beta", {"frozen (D3)": {"network.batch_norm_trainable": False}, "trained": {}}),
            ),
            seeds=tuple(range(12)),
            claims=tuple(beats(f"{name} + trained", f"{name} + frozen (D3)") for name in OPTIMIZERS),
            observations=Observations(taps=10, evaluations=10),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """For every optimizer: both accuracies and the difference."""
        said = []
        for name in OPTIMIZERS:
            frozen, trained = (
                mean_of(result, f"{name} + {kind}", "test_accuracy") for kind in ("frozen (D3)", "trained")
            )
            if result.of(f"{name} + trained") and result.of(f"{name} + frozen (D3)"):
                values = {
                    "optimizer": name,
                    "frozen": Measured("accuracy", frozen),
                    "trained": Measured("accuracy", trained),
                    "difference": Measured("accuracy", trained - frozen, signed=True),
                }
                said.append(Sentence("experiments.batch_normalization_optimizers.optimizer", values))
        return said
