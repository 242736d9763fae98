"""Vanishing gradient: which combination of activation and initialization lets a deep network learn?"""

from __future__ import annotations

from koubai.initializers.initializer import Initializer
from koubai.initializers.normal import HeNormal, LeCunNormal
from koubai.lab.conclude.phrases import Listed, Ratio, arm_sentences, arm_text, learned, middle_of
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import COURSE_HIDDEN, GAUSS, source
from koubai.lab.declare.experiment import (
    Axis,
    Claim,
    Experiment,
    Observations,
    Published,
    grid,
    with_published,
)
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.models.mlp import Mlp
from koubai.optim.sgd import SGD
from koubai.train.recipe import Recipe

ACTIVATIONS = {"sigmoid": "sigmoid", "tanh": "tanh", "ReLU": "relu"}
INITIALIZERS: dict[str, Initializer] = {"normal .01": GAUSS, "Xavier": LeCunNormal(), "He": HeNormal()}
_HIDES = 100  # times the weights' gradients make more of the first layer than what flows back to it
PUBLISHED = {
    "sigmoid + normal .01": Published(0.110, 0.006, 11),
    "ReLU + normal .01": Published(0.918, 0.006, 13),
    "sigmoid + Xavier": Published(0.876, 0.006, 12),
    "ReLU + He": Published(0.952, 0.010, 11),
}


@CATALOG.register
class VanishingGradient(Entry):
    """Three activations by three initializations; the gradients of each layer say why some never learn.

    A layer passes on at most the largest derivative of its activation (.25 for sigmoid) times its
    weights, so weights of .01 let almost nothing through. The course's 'Xavier' is 1 / sqrt(n_in).
    MNIST: 784-40-20-10, SGD .1, 2000 updates, as in the course. Digits: one hidden layer more.
    """

    def experiment(self, data: str) -> Experiment:
        """The grid."""
        hidden, steps = ((40, 40, 40), 1000) if data == "digits" else (COURSE_HIDDEN, 2000)
        arms = grid(
            Axis("activation", {name: {"network.activation": key} for name, key in ACTIVATIONS.items()}),
            Axis("initialization", {name: {"initializer": value} for name, value in INITIALIZERS.items()}),
        )
        return Experiment(
            name=self.registry_name,
            base=Recipe(Mlp(hidden), source(data), optimizer=SGD(0.1), steps=steps),
            arms=with_published(arms, PUBLISHED) if data == "mnist" else arms,
            baseline="sigmoid + normal .01",
            claims=(
                Claim("ReLU + He", "sigmoid + normal .01"),
                Claim("sigmoid + He", "sigmoid + Xavier"),
                Claim("ReLU + He", "sigmoid + normal .01", "first_to_last_gradient"),
            ),
            observations=Observations(histograms=True),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """For every arm: how much gradient reaches the first layer, and how it ended; what hides that."""
        arms = arm_sentences(
            result,
            "experiments.vanishing_gradient.arm",
            lambda arm: {
                "ratio": Ratio(middle_of(result, arm, "first_to_last_gradient")),
                "later": Ratio(middle_of(result, arm, "first_to_last_gradient_later"), alone=True),
                "weights": Ratio(middle_of(result, arm, "first_to_last_weight_gradient")),
                "outcome": learned(result, arm),
            },
        )
        hidden = [
            arm
            for arm in result.arms
            if middle_of(result, arm, "first_to_last_weight_gradient")
            > _HIDES * middle_of(result, arm, "first_to_last_gradient")
        ]
        if hidden:
            named = Listed(tuple(arm_text(result, arm) for arm in hidden))
            arms.append(Sentence("experiments.vanishing_gradient.hidden", {"arms": named, "times": _HIDES}))
        return arms
