"""Gradient flow: what becomes of activations and gradients on their way through ten layers?"""

from __future__ import annotations

from koubai.initializers.normal import HeNormal, LeCunNormal
from koubai.lab.conclude.phrases import Ratio, arm_sentences, learned, middle_of
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import GAUSS, beats, source
from koubai.lab.declare.experiment import Axis, Experiment, Observations, grid
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.models.mlp import Mlp
from koubai.optim.sgd import SGD
from koubai.train.recipe import Recipe

HIDDEN = (50,) * 10


@CATALOG.register
class GradientFlow(Entry):
    """Ten hidden layers of 50: at three layers He and Xavier look alike under ReLU, at ten they do not.

    Var w = 1 / n_in keeps the signal of a linear or tanh layer; ReLU cuts half of it away, which
    Var w = 2 / n_in makes good (He et al. 2015). Watched: the histogram of every layer's output.
    """

    def experiment(self, data: str) -> Experiment:
        """Activation by initialization."""
        return Experiment(
            name=self.registry_name,
            base=Recipe(Mlp(HIDDEN), source(data), optimizer=SGD(0.02), steps=300),
            arms=grid(
                Axis(
                    "activation",
                    {
                        "sigmoid": {"network.activation": "sigmoid"},
                        "tanh": {"network.activation": "tanh"},
                        "ReLU": {"network.activation": "relu"},
                    },
                ),
                Axis(
                    "initialization",
                    {
                        "normal .01": {"initializer": GAUSS},
                        "Xavier": {"initializer": LeCunNormal()},
                        "He": {"initializer": HeNormal()},
                    },
                ),
            ),
            baseline="ReLU + Xavier",
            claims=tuple(
                beats("ReLU + He", "ReLU + Xavier", measure)
                for measure in ("test_accuracy", "last_to_first_activation", "first_to_last_gradient")
            ),
            observations=Observations(histograms=True, signal=True),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """For every arm: how much of the signal reaches the end, and how much of the gradient the start."""
        return arm_sentences(
            result,
            "experiments.gradient_flow.arm",
            lambda arm: {
                "signal": Ratio(middle_of(result, arm, "last_to_first_activation")),
                "ratio": Ratio(middle_of(result, arm, "first_to_last_gradient")),
                "later": Ratio(middle_of(result, arm, "first_to_last_gradient_later"), alone=True),
                "outcome": learned(result, arm),
            },
        )
