"""Activations: four against ReLU; how sparse their outputs are, and how far off center."""

from __future__ import annotations

from koubai.initializers.initializer import Initializer
from koubai.initializers.normal import HeNormal, LeCunNormal
from koubai.lab.conclude.phrases import arm_sentences, learned, mean_of
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.centered_sigmoid import CenteredSigmoid
from koubai.lab.course.parts import mlp_of
from koubai.lab.course.settings import beats, source
from koubai.lab.declare.experiment import Arm, Claim, Experiment, Observations
from koubai.lab.declare.measures import Measured
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.layers.activations import Activation, Sigmoid, Tanh
from koubai.layers.rectifiers import ELU, SELU, LeakyReLU, ReLU
from koubai.layers.smooth_rectifiers import GELU
from koubai.optim.sgd import SGD
from koubai.train.recipe import Recipe

HIDDEN = (50, 50)
KINDS: dict[str, tuple[Activation, Initializer]] = {
    "ReLU": (ReLU(), HeNormal()),
    "leaky ReLU": (LeakyReLU(), HeNormal()),
    "ELU": (ELU(), HeNormal()),
    "SELU": (SELU(), LeCunNormal()),
    "GELU": (GELU(), HeNormal()),
    "tanh": (Tanh(), LeCunNormal()),
    "sigmoid": (Sigmoid(), LeCunNormal()),
    "sigmoid - .5": (CenteredSigmoid(), LeCunNormal()),
}


@CATALOG.register
class Activations(Entry):
    """Two hidden layers of 50 with each activation in turn; SELU, tanh and sigmoid start with 1 / sqrt(n_in).

    Sparse is the share of outputs that are exactly 0, off center how large a unit's mean output is beside its
    deviation over samples: both on test samples, after training. A unit whose inputs are all positive moves
    all its weights up or all of them down in one step (LeCun et al. 1998, "Efficient BackProp", sec. 4.4).
    Sigmoid - .5 has the derivative of the sigmoid, so the two differ in nothing but their center.
    """

    def experiment(self, data: str) -> Experiment:
        """One arm an activation."""
        return Experiment(
            name=self.registry_name,
            base=Recipe(mlp_of(HIDDEN, 10, ReLU()), source(data), optimizer=SGD(0.1), steps=1000),
            arms=tuple(
                Arm(
                    name,
                    {"network": mlp_of(HIDDEN, 10, kind), "initializer": start},
                    {"activation": name},
                )
                for name, (kind, start) in KINDS.items()
            ),
            seeds=tuple(range(8)),
            baseline="ReLU",
            claims=(
                *(beats(name, "ReLU") for name in ("leaky ReLU", "ELU", "SELU", "GELU")),
                Claim("ReLU", "leaky ReLU", "zero_activations"),
                Claim("ELU", "ReLU", "off_center", "lower"),
                beats("sigmoid - .5", "sigmoid"),
            ),
            observations=Observations(histograms=True, outputs=True),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """For every arm: how sparse its outputs are, how far off center, and how it ended."""
        said = arm_sentences(
            result,
            "experiments.activations.arm",
            lambda arm: {
                "zeros": Measured("zero_activations", mean_of(result, arm, "zero_activations")),
                "center": f"{mean_of(result, arm, 'off_center'):.2g}",
                "outcome": learned(result, arm),
            },
        )
        return [*said, Sentence("experiments.activations.limits", {"layers": len(HIDDEN)})]
