"""Label smoothing: what happens to a network that is never asked to be quite sure?"""

from __future__ import annotations

from koubai.lab.conclude.phrases import arm_means, gaps
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import source
from koubai.lab.declare.experiment import Arm, Claim, Experiment, Observations
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from koubai.models.mlp import Mlp
from koubai.optim.adam import Adam
from koubai.train.recipe import Recipe

SHARES = (0.0, 0.05, 0.1, 0.3)


@CATALOG.register
class LabelSmoothing(Entry):
    """Two hidden layers of 100 on 300 samples; a share of every label is spread evenly over all classes.

    The loss is then lowest where the network keeps some doubt, so its outputs and its weights need not grow
    without end (Szegedy et al. 2016, sec. 7). Losses of different shares have different lowest values: only
    weights and accuracies are compared here.
    """

    def experiment(self, data: str) -> Experiment:
        """Four shares."""
        return Experiment(
            name=self.registry_name,
            base=Recipe(Mlp((100, 100)), source(data, train=300), optimizer=Adam(0.001), steps=1000),
            arms=tuple(
                Arm(
                    f"smoothing {share:g}",
                    {"loss": SoftmaxCrossEntropy(smoothing=share)},
                    {"smoothing": f"{share:g}"},
                )
                for share in SHARES
            ),
            baseline="smoothing 0",
            claims=(
                Claim("smoothing 0.1", "smoothing 0", "test_accuracy"),
                Claim("smoothing 0.1", "smoothing 0", "weight_norm", "lower"),
            ),
            observations=Observations(taps=10, evaluations=10),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """Accuracies and gap of every share, and how large its weights became."""
        sizes = arm_means(
            result,
            "experiments.label_smoothing.weights",
            weights=("weight_norm", "weight_norm"),
        )
        return [*gaps(result), *sizes]
