"""AlexNet: do the counts of the 2012 paper come out, and does it train?"""

from __future__ import annotations

from typing import ClassVar

from koubai.initializers.normal import Normal
from koubai.lab.catalog import CATALOG, Entry
from koubai.lab.experiment import Arm, Claim, Experiment, Text, Watch
from koubai.lab.measures import Measured
from koubai.lab.phrases import arm_text, first_runs, mean_of
from koubai.lab.pictures import GeneratedPictures
from koubai.lab.result import Exhibit, ExperimentResult, Sentence
from koubai.models.alexnet import AlexNet as Network
from koubai.optim.momentum import Momentum
from koubai.train.recipe import Recipe

PAPER = {
    "conv1": (34_944, 105_415_200),
    "conv2": (307_456, 223_948_800),
    "conv3": (885_120, 149_520_384),
    "conv4": (663_936, 112_140_288),
    "conv5": (442_624, 74_760_192),
    "fc6": (37_752_832, 37_748_736),
    "fc7": (16_781_312, 16_777_216),
    "fc8": (4_097_000, 4_096_000),
}
"""Parameters and multiply-adds of the grouped network (Krizhevsky, Sutskever, Hinton 2012, sec. 3.5)."""


def counts(exhibits: tuple[Exhibit, ...]) -> dict[str, tuple[int, int]]:
    """Return parameters and multiply-adds of the layers that have any, under the paper's names."""
    found = [exhibit.arrays["values"] for exhibit in exhibits if exhibit.path == "layers"]
    trained = [row for table in found for row in table if row[0]]
    return {name: (int(row[0]), int(row[1])) for name, row in zip(PAPER, trained, strict=bool(found))}


@CATALOG.register
class Alexnet(Entry):
    """AlexNet, grouped as on the two GPUs of 2012 and whole, on a folder of generated pictures of 227 x 227.

    A few steps of momentum .9 show that everything works together; the counts of every layer are
    compared with the paper's. It needs some 2 GB of memory and Pillow.
    """

    data: ClassVar = ("pictures",)

    def experiment(self, data: str) -> Experiment:
        """Grouped and whole; one seed, as nothing is compared but counts."""
        return Experiment(
            name=self.registry_name,
            base=Recipe(
                Network(),
                GeneratedPictures(size=227),
                optimizer=Momentum(0.001),
                initializer=Normal(0.01),
                batch_size=8,
                steps=6,
            ),
            arms=(
                Arm("grouped", label=Text("grouped (2012)", "グループあり（2012 年）")),
                Arm("whole", {"network.grouped": False}, label=Text("whole", "グループなし")),
            ),
            seeds=(0,),
            measure="train_loss",
            claims=(Claim("grouped", "whole", "parameters", "lower"),),
            watch=Watch(taps=2, evaluations=1, evaluate_rows=8, layers=True),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """Whether the counts agree with the paper, totals, and the loss before and after."""
        said = [
            Sentence(f"experiments.alexnet.{'agree' if ours == PAPER else 'differ'}", {"layers": len(ours)})
            for run in result.of("grouped")[:1]
            if (ours := counts(run.exhibits))
        ]
        for arm, run in first_runs(result):
            losses = run.history.series("loss")[1]
            if len(losses):
                values = {
                    "arm": arm_text(result, arm),
                    "parameters": round(mean_of(result, arm, "parameters")),
                    "multiply_adds": round(mean_of(result, arm, "multiply_adds")),
                    "steps": len(losses),
                    "first": Measured("loss", float(losses[0])),
                    "last": Measured("loss", float(losses[-1])),
                }
                said.append(Sentence("experiments.alexnet.arm", values))
        return said
