"""Signal: convolution along one axis, on waveforms."""

from __future__ import annotations

from typing import ClassVar

from koubai.data.sources.waveforms import Waveforms
from koubai.lab.conclude.phrases import network_sentences
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import beats
from koubai.lab.declare.experiment import Arm, Experiment, Observations, Text
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.layers.convolution import Conv1d
from koubai.layers.global_average_pool import GlobalAveragePool
from koubai.layers.linear import Linear
from koubai.layers.rectifiers import ReLU
from koubai.layers.sequential import Sequential
from koubai.models.mlp import Mlp
from koubai.optim.adam import Adam
from koubai.train.recipe import Recipe

NETWORK = Sequential(
    *(Conv1d(16, 7, padding=3), ReLU()),
    *(Conv1d(16, 7, padding=3), ReLU()),
    *(GlobalAveragePool(), Linear(4)),
)


@CATALOG.register
class Signal(Entry):
    """Sine, square, triangle and sawtooth at any phase and pitch: the shape counts, not the place.

    The convolution finds a shape wherever it lies with the same few weights; the dense network would have
    to learn every place again.
    """

    data: ClassVar = ("waveforms",)

    def experiment(self, data: str) -> Experiment:
        """A convolutional and a dense network."""
        return Experiment(
            name=self.registry_name,
            base=Recipe(NETWORK, Waveforms(), optimizer=Adam(0.003), steps=500),
            arms=(
                Arm("dense", {"network": Mlp((100,), classes=4)}, label=Text("dense", "全結合")),
                Arm("conv1d", label=Text("1-D convolution", "1 次元畳み込み")),
            ),
            claims=(beats("conv1d", "dense"),),
            observations=Observations(taps=20, evaluations=10, filters=True),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """How both ended and what they cost."""
        return network_sentences(result)
