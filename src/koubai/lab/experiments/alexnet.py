"""AlexNet: do the counts that follow from the paper's sizes come out, and does the network learn?"""

from __future__ import annotations

from typing import ClassVar

from koubai.initializers.normal import HeNormal
from koubai.lab.conclude.phrases import outcomes
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.pictures import CLASSES, GeneratedPictures
from koubai.lab.declare.experiment import Arm, Claim, Experiment, Observations, Text
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.models.alexnet import AlexNet as Network
from koubai.network.network import Network as Wired
from koubai.network.summary import layer_rows
from koubai.optim.adam import Adam
from koubai.train.recipe import Recipe

SIDE = 227
WIDTH = 0.125
COUNTS = {
    "conv1": (34_944, 105_415_200),
    "conv2": (307_456, 223_948_800),
    "conv3": (885_120, 149_520_384),
    "conv4": (663_936, 112_140_288),
    "conv5": (442_624, 74_760_192),
    "fc6": (37_752_832, 37_748_736),
    "fc7": (16_781_312, 16_777_216),
    "fc8": (4_097_000, 4_096_000),
}
"""Parameters and multiply-adds of the grouped network, worked out by hand from the sizes of kernels, maps and
groups that Krizhevsky, Sutskever, Hinton 2012 print in sec. 3.5; they print the sum as 60 million."""


def counts(network: Network) -> dict[str, tuple[int, int]]:
    """Return parameters and multiply-adds of the layers that have any, from shapes alone."""
    found = [row for row in layer_rows(Wired(network, (3, SIDE, SIDE))) if row.parameters]
    pairs = zip(COUNTS, found, strict=True)
    return {name: (row.parameters, row.multiply_adds) for name, row in pairs}


@CATALOG.register
class Alexnet(Entry):
    """AlexNet, grouped as on the two GPUs of 2012 and whole: its counts, and whether it learns.

    The counts are those of the network of 2012, by its shapes; nothing of it is trained. Trained is the same
    chain of layers (groups, local response normalization, overlapping pools, dropout) with an eighth of its
    channels and units, on generated pictures of 227 x 227 in four classes. Two things differ from 2012, as a
    hundred pictures and updates are few: weights start on He's scale and Adam updates them. Its ten runs take
    some minutes on two cores.
    """

    data: ClassVar = ("pictures",)

    def experiment(self, data: str) -> Experiment:
        """Grouped and whole."""
        return Experiment(
            name=self.registry_name,
            base=Recipe(
                Network(classes=len(CLASSES), width=WIDTH, weight_init=HeNormal()),
                GeneratedPictures(size=SIDE),
                optimizer=Adam(0.0005),
                batch_size=16,
                steps=150,
            ),
            arms=(
                Arm("grouped", label=Text("grouped (2012)", "グループあり（2012 年）")),
                Arm("whole", {"network.grouped": False}, label=Text("whole", "グループなし")),
            ),
            seeds=(0, 1, 2, 3, 4),
            claims=(
                Claim("grouped", None, "test_accuracy", "higher", margin=0.5),
                Claim("grouped", "whole", "parameters", "lower"),
            ),
            observations=Observations(taps=10, evaluations=5, layers=True, filters=True),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """Whether the counts agree, totals of the network of 2012, and how the small ones ended."""
        ours = counts(Network())
        agree = "agree" if ours == COUNTS else "differ"
        said = [Sentence(f"experiments.alexnet.{agree}", {"layers": len(ours)})]
        for arm in result.arms:
            full = counts(Network(grouped=arm == "grouped"))
            values = {
                "arm": Text(result.arms[arm].title("en"), result.arms[arm].title("ja")),
                "parameters": sum(parameters for parameters, _ in full.values()),
                "multiply_adds": sum(products for _, products in full.values()),
            }
            said.append(Sentence("experiments.alexnet.arm", values))
        return [*said, Sentence("experiments.alexnet.small", {"share": round(1 / WIDTH)}), *outcomes(result)]
