"""Pooling: which summary of a neighborhood serves best?"""

from __future__ import annotations

from koubai.core.layer import Layer
from koubai.lab.conclude.phrases import network_sentences
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import beats, source
from koubai.lab.declare.experiment import Arm, Claim, Experiment, Observations
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.layers.average_pool import AveragePool2d
from koubai.layers.convolution import Conv2d
from koubai.layers.flatten import Flatten
from koubai.layers.global_average_pool import GlobalAveragePool
from koubai.layers.linear import Linear
from koubai.layers.max_pool import MaxPool2d
from koubai.layers.rectifiers import ReLU
from koubai.layers.sequential import Sequential
from koubai.optim.adam import Adam
from koubai.train.recipe import Recipe


def network(*middle: Layer, stride: int = 1) -> Sequential:
    """One convolution, what is compared, one linear layer."""
    return Sequential(Conv2d(16, 3, stride=stride, padding=1), ReLU(), *middle, Linear(10))


def deep(*middle: Layer) -> Sequential:
    """Three convolutions of 16, 32 and 32 filters, what is compared, one linear layer."""
    block = [layer for size in (16, 32, 32) for layer in (Conv2d(size, 3, padding=1), ReLU())]
    return Sequential(*block, *middle, Linear(10))


KINDS = {
    "maximum": network(MaxPool2d(2), Flatten()),
    "average": network(AveragePool2d(2), Flatten()),
    "overlapping maximum": network(MaxPool2d(3, stride=2), Flatten()),
    "global average": network(GlobalAveragePool()),
    "global average, 3 convolutions": deep(GlobalAveragePool()),
    "flat, 3 convolutions": deep(Flatten()),
    "stride instead": network(Flatten(), stride=2),
    "none": network(Flatten()),
}


@CATALOG.register
class Pooling(Entry):
    """The same convolution followed by maximum, average, overlapping or global pooling, or by none.

    Global average pooling leaves one number a map, so the maps must tell the classes apart by themselves
    (Lin, Chen, Yan 2013): 16 maps of one 3x3 convolution hardly do, so it is shown behind three as well. The
    arms behind three convolutions are another network: compare them with each other.

    Pooling has no parameters; it makes the next layer smaller and forgives small shifts. Overlapping
    windows are AlexNet's.
    """

    def experiment(self, data: str) -> Experiment:
        """Six kinds behind one convolution, two behind three."""
        sizes = {} if data == "digits" else {"train": 5000, "test": 1000}
        return Experiment(
            name=self.registry_name,
            base=Recipe(KINDS["none"], source(data, **sizes), optimizer=Adam(0.003), steps=300),
            arms=tuple(Arm(name, {"network": net}, {"pooling": name}) for name, net in KINDS.items()),
            baseline="none",
            claims=(
                beats("maximum", "global average"),
                beats("global average, 3 convolutions", "global average"),
                Claim("global average, 3 convolutions", "flat, 3 convolutions", "parameters", "lower"),
            ),
            observations=Observations(taps=20, evaluations=10, filters=True),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """How every kind ended and what it costs."""
        return network_sentences(result)
