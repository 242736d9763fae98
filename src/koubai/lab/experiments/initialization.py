"""Initialization: why weights must differ, and how large they should be."""

from __future__ import annotations

from koubai.initializers.constant import Constant, Zeros
from koubai.initializers.initializer import Initializer
from koubai.initializers.normal import GlorotNormal, HeNormal, LeCunNormal, Normal
from koubai.initializers.orthogonal import Orthogonal
from koubai.lab.conclude.phrases import arm_text, mean_of, outcomes
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import COURSE_HIDDEN, GAUSS, beats, source
from koubai.lab.declare.experiment import Axis, Claim, Experiment, Observations, grid
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.models.mlp import Mlp
from koubai.optim.sgd import SGD
from koubai.train.recipe import Recipe

INITIALIZERS: dict[str, Initializer] = {
    "zeros": Zeros(),
    "constant .1": Constant(0.1),
    "normal .01": GAUSS,
    "normal 1": Normal(1.0),
    "LeCun 1/sqrt(n)": LeCunNormal(),
    "Glorot": GlorotNormal(),
    "He": HeNormal(),
    "orthogonal": Orthogonal(),
}


@CATALOG.register
class Initialization(Entry):
    """Equal weights stay equal: all units of a layer get the same gradient, so the layer is one unit.

    With zeros and ReLU nothing at all passes. Weights that are too small let the signal vanish, too large
    ones make it explode; what is right follows from the fans (LeCun 1998, Glorot 2010, He 2015). The
    course calls 1 / sqrt(n_in) Xavier; Glorot's own is sqrt(2 / (n_in + n_out)).
    """

    def experiment(self, data: str) -> Experiment:
        """Eight ways to start, all with ReLU."""
        return Experiment(
            name=self.registry_name,
            base=Recipe(Mlp(COURSE_HIDDEN), source(data), optimizer=SGD(0.1), steps=1000),
            arms=grid(Axis("initialization", {name: {"initializer": i} for name, i in INITIALIZERS.items()})),
            seeds=tuple(range(8)),
            baseline="zeros",
            claims=(
                Claim("constant .1", "He", "distinct_units", "lower"),
                *(beats("He", other) for other in ("zeros", "normal .01", "normal 1")),
            ),
            observations=Observations(histograms=True),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """Whether units stayed copies of each other, then how every arm ended."""
        alike = [
            _alike(result, arm)
            for arm in ("zeros", "constant .1", "He")
            if result.summary(arm, "distinct_units")
        ]
        return [*alike, *outcomes(result)]


def _alike(result: ExperimentResult, arm: str) -> Sentence:
    """Return how many kinds of units an arm has after training."""
    total = COURSE_HIDDEN[0]
    units = round(mean_of(result, arm, "distinct_units") * total)
    kind = {1: "all_alike", total: "all_different"}.get(units, "alike")
    values = {"arm": arm_text(result, arm), "total": total}
    return Sentence(
        f"experiments.initialization.{kind}", values | ({"units": units} if kind == "alike" else {})
    )
