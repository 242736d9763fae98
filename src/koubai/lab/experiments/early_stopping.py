"""Early stopping: what does it change to keep the weights of the lowest validation loss?"""

from __future__ import annotations

from koubai.lab.conclude.phrases import arm_means, outcomes
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import source
from koubai.lab.declare.experiment import Arm, Claim, Experiment, Observations, Text
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.models.mlp import Mlp
from koubai.optim.adam import Adam
from koubai.train.early_stopping import EarlyStopping as Stopping
from koubai.train.recipe import Recipe

FULL, EARLY = "to the end", "early stopping"


@CATALOG.register
class EarlyStopping(Entry):
    """Two hidden layers of 100 on 200 samples, some with wrong labels; 200 others judge when to stop.

    A tenth of the training samples gets a label at random, so that there is something not to learn by heart.
    The run that stops keeps the weights of its lowest validation loss (Prechelt 1998); the other its last.
    What stopping costs is not shown: the samples that judge could have been trained on.
    """

    def experiment(self, data: str) -> Experiment:
        """To the end, and stopped early."""
        return Experiment(
            name=self.registry_name,
            base=Recipe(
                Mlp((100, 100)),
                source(data, train=200, validation=200, label_noise=0.1),
                optimizer=Adam(0.001),
                steps=1000,
            ),
            arms=(
                Arm(FULL, label=Text("to the end", "最後まで学習")),
                Arm(EARLY, {"early_stopping": Stopping()}, label=Text("early stopping", "早期終了")),
            ),
            claims=(
                Claim(EARLY, FULL, "test_loss", "lower"),
                Claim(EARLY, FULL, "test_accuracy"),
            ),
            observations=Observations(taps=10, evaluations=50),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """How both ended, and their losses on the test part."""
        losses = arm_means(
            result,
            "experiments.early_stopping.loss",
            train=("loss", "train_loss"),
            test=("loss", "test_loss"),
        )
        return [*outcomes(result), *losses]
