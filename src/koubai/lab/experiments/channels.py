"""Channels: what do filters learn that see all channels at once?"""

from __future__ import annotations

from typing import ClassVar

from koubai.lab.conclude.phrases import network_sentences
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.rearranged import PAIRS, ChannelPairs, Rearranged
from koubai.lab.course.settings import beats
from koubai.lab.declare.experiment import Arm, Experiment, Observations, Text
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.layers.convolution import Conv2d
from koubai.layers.global_average_pool import GlobalAveragePool
from koubai.layers.linear import Linear
from koubai.layers.rectifiers import ReLU
from koubai.layers.sequential import Sequential
from koubai.models.mlp import Mlp
from koubai.optim.adam import Adam
from koubai.train.recipe import Recipe

FILTERS = 24


def network(groups: int) -> Sequential:
    """Return one convolution whose filters see 1 / groups of the channels, its maps' means, the classes."""
    return Sequential(
        Conv2d(FILTERS, 3, padding=1, groups=groups), ReLU(), GlobalAveragePool(), Linear(len(PAIRS))
    )


@CATALOG.register
class Channels(Entry):
    """Noise in three channels, two of which are equal; the class is which two. One convolution of 3x3.

    A filter has a kernel for every channel and adds up what they give: y = b + sum over channels and kernel
    of W x. So it can hold one channel against another. With three groups a filter sees one channel alone, and
    none of them alone tells the class; nor does their mean, a gray picture.
    """

    data: ClassVar = ("generated",)

    def experiment(self, data: str) -> Experiment:
        """Filters over all channels, over one each, over their mean; and a dense network."""
        pictures = ChannelPairs()
        return Experiment(
            name=self.registry_name,
            base=Recipe(network(1), pictures, optimizer=Adam(0.01), steps=600),
            arms=(
                Arm("all channels", label=Text("filters over all channels", "全チャンネルを見るフィルタ")),
                Arm(
                    "one channel each",
                    {"network": network(3)},
                    label=Text("filters over one channel each", "1 チャンネルだけを見るフィルタ"),
                ),
                Arm(
                    "gray",
                    {"data": Rearranged(pictures, "gray")},
                    label=Text("gray (mean of the channels)", "グレー（チャンネルの平均）"),
                ),
                Arm("dense", {"network": Mlp((100,), len(PAIRS))}, label=Text("dense", "全結合")),
            ),
            claims=(
                beats("all channels", "one channel each"),
                beats("all channels", "gray"),
                beats("all channels", "dense"),
            ),
            observations=Observations(taps=10, evaluations=10, filters=True),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """How every arm ended, and that such pictures are made for this question."""
        return [*network_sentences(result), Sentence("experiments.channels.limits")]
