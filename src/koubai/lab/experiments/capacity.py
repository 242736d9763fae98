"""Capacity: do more units, or fewer samples, make a network over-fit?"""

from __future__ import annotations

from typing import Any

from koubai.lab.conclude.phrases import gaps, mean_of
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import source
from koubai.lab.declare.experiment import Axis, Claim, Experiment, Observations, Text, grid
from koubai.lab.declare.measures import Measured
from koubai.lab.declare.naming import japanese
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.models.mlp import Mlp
from koubai.optim.sgd import SGD
from koubai.train.recipe import Recipe

WIDTHS = (2, 5, 20, 100, 400)
MIDDLE = 20
FEW, NOISE = 100, 0.3

SAMPLES: dict[str, dict[str, Any]] = {
    f"{FEW} samples": {"train": FEW},
    f"{FEW} samples, {NOISE:.0%} of labels wrong": {"train": FEW, "label_noise": NOISE},
    "all samples": {},
}


@CATALOG.register
class Capacity(Entry):
    """One hidden layer of 2 to 400 units with ReLU, on 100 samples, on 100 with wrong labels, on all samples.

    Two things are asked apart, as they are not the same: whether the gap between training and test grows
    with the number of units, and whether the test accuracy falls. That larger networks over-fit is what a
    textbook expects (Geman, Bienenstock, Doursat 1992); with labels that are right, wide networks often do
    not (Belkin et al. 2019), so .3 of the labels are wrong in one line of arms: there is noise to memorize.
    """

    def experiment(self, data: str) -> Experiment:
        """Five widths by three numbers of samples."""
        few, noisy, every = SAMPLES
        samples = {name: {"data": source(data, **settings)} for name, settings in SAMPLES.items()}
        narrow, wide = WIDTHS[0], WIDTHS[-1]
        return Experiment(
            name=self.registry_name,
            base=Recipe(Mlp((WIDTHS[0],)), source(data), optimizer=SGD(0.1), steps=2000),
            arms=grid(
                Axis("samples", samples),
                Axis("hidden units", {str(width): {"network.hidden": (width,)} for width in WIDTHS}),
            ),
            seeds=tuple(range(7)),
            baseline=f"{few} + {wide}",
            measure="gap",
            claims=(
                Claim(f"{few} + {wide}", f"{every} + {wide}", "gap"),
                Claim(f"{few} + {wide}", f"{few} + {narrow}", "gap"),
                Claim(f"{noisy} + {wide}", f"{noisy} + {narrow}", "gap"),
                Claim(f"{few} + {wide}", f"{few} + {MIDDLE}", "test_accuracy", "lower"),
                Claim(f"{noisy} + {wide}", f"{noisy} + {MIDDLE}", "test_accuracy", "lower"),
            ),
            observations=Observations(taps=0, evaluations=10),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """Training, test and gap of every arm; which width tested best for each number of samples."""
        return [*gaps(result), *_best(result), Sentence("experiments.capacity.limits")]


def _best(result: ExperimentResult) -> list[Sentence]:
    said = []
    for samples in dict.fromkeys(arm.factors["samples"] for arm in result.arms.values()):
        own = [name for name, arm in result.arms.items() if arm.factors["samples"] == samples]
        tested = {name: mean_of(result, name, "test_accuracy") for name in own if result.of(name)}
        if tested:
            best = max(tested, key=lambda name: tested[name])
            values = {
                "samples": Text(samples, japanese(samples)),
                "units": result.arms[best].factors["hidden units"],
                "test": Measured("test_accuracy", tested[best]),
            }
            said.append(Sentence("experiments.capacity.best", values))
    return said
