"""Capacity: do more units, or fewer samples, make a network over-fit?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from koubai.lab.conclude.phrases import gaps, mean_of
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import source
from koubai.lab.declare.experiment import Axis, Claim, Experiment, Text, Watch, grid
from koubai.lab.declare.measures import Measured
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.models.mlp import Mlp
from koubai.optim.sgd import SGD
from koubai.train.recipe import Recipe

WIDTHS = (2, 5, 20, 100, 400)
MIDDLE = 20
FEW, NOISE = 100, 0.3

JAPANESE = {
    f"{FEW} samples": f"{FEW} 枚",
    f"{FEW} samples, {NOISE:.0%} of labels wrong": f"{FEW} 枚（ラベルの {NOISE:.0%} が誤り）",
    "all samples": "全部",
}
"""The samples of an arm, and what they are called in Japanese."""


@CATALOG.register
class Capacity(Entry):
    """One hidden layer of 2 to 400 units with ReLU, on 100 samples, on 100 with wrong labels, on all samples.

    Two things are asked apart, as they are not the same: whether the gap between training and test grows
    with the number of units, and whether the test accuracy falls. That larger networks over-fit is what a
    textbook expects (Geman, Bienenstock, Doursat 1992); with labels that are right, wide networks often do
    not (Belkin et al. 2019), so .3 of the labels are wrong in one line of arms: there is noise to memorize.
    """

    data: ClassVar = ("digits", "mnist", "fashion_mnist")

    def experiment(self, data: str) -> Experiment:
        """Five widths by three numbers of samples."""
        few, noisy, every = JAPANESE
        samples = {
            few: {"data": source(data, train=FEW)},
            noisy: {"data": source(data, train=FEW, label_noise=NOISE)},
            every: {"data": source(data)},
        }
        narrow, wide = WIDTHS[0], WIDTHS[-1]
        return Experiment(
            name=self.registry_name,
            base=Recipe(Mlp((WIDTHS[0],)), source(data), optimizer=SGD(0.1), steps=2000),
            arms=tuple(
                replace(arm, label=_title(arm.factors))
                for arm in grid(
                    Axis("samples", samples),
                    Axis("hidden units", {str(width): {"network.hidden": (width,)} for width in WIDTHS}),
                )
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
            watch=Watch(taps=0, evaluations=10),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """Training, test and gap of every arm; which width tested best for each number of samples."""
        return [*gaps(result), *_best(result), Sentence("experiments.capacity.limits")]


def _title(factors: Mapping[str, str]) -> Text:
    """Return what a learner reads of an arm."""
    samples, units = factors["samples"], factors["hidden units"]
    return Text(f"{units} units, {samples}", f"{units} ユニット、{JAPANESE[samples]}")


def _best(result: ExperimentResult) -> list[Sentence]:
    said = []
    for samples in dict.fromkeys(arm.factors["samples"] for arm in result.arms.values()):
        own = [name for name, arm in result.arms.items() if arm.factors["samples"] == samples]
        tested = {name: mean_of(result, name, "test_accuracy") for name in own if result.of(name)}
        if tested:
            best = max(tested, key=lambda name: tested[name])
            values = {
                "samples": Text(samples, JAPANESE[samples]),
                "units": result.arms[best].factors["hidden units"],
                "test": Measured("test_accuracy", tested[best]),
            }
            said.append(Sentence("experiments.capacity.best", values))
    return said
