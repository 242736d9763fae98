"""Locality: what does a convolution know of a picture that a dense layer does not?"""

from __future__ import annotations

from koubai.lab.conclude.phrases import network_sentences
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.rearranged import Rearranged
from koubai.lab.course.settings import beats, source
from koubai.lab.declare.experiment import Arm, Claim, Experiment, Observations, Text
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.layers.convolution import Conv2d
from koubai.layers.flatten import Flatten
from koubai.layers.linear import Linear
from koubai.layers.max_pool import MaxPool2d
from koubai.layers.rectifiers import ReLU
from koubai.layers.sequential import Sequential
from koubai.models.mlp import Mlp
from koubai.optim.adam import Adam
from koubai.train.recipe import Recipe

FEW, KERNEL = 200, 3
CONVOLUTIONAL = Sequential(
    Conv2d(16, KERNEL, padding=1),
    ReLU(),
    Conv2d(16, KERNEL, padding=1),
    ReLU(),
    MaxPool2d(2),
    Conv2d(32, KERNEL, padding=1),
    ReLU(),
    MaxPool2d(2),
    Flatten(),
    Linear(10),
)
DENSE = Mlp((100,))


@CATALOG.register
class Locality(Entry):
    """A convolutional and a dense network, each on pictures and on the same pictures with pixels permuted.

    The permutation is one and the same for all pictures, so nothing is lost but which pixels are neighbors.
    To a dense layer all orders of its inputs are alike. A filter of 3x3 sees neighbors only, and the units of
    deeper layers see a few pixels more: their receptive fields are drawn from the gradient of a unit in the
    middle with respect to every pixel (LeCun et al. 1998). 200 training pictures, so that it matters what a
    network takes for granted.
    """

    def experiment(self, data: str) -> Experiment:
        """Two networks by two orders of the pixels."""
        sizes = {} if data == "digits" else {"test": 1000}
        pictures = source(data, train=FEW, **sizes)
        mixed = {"data": Rearranged(pictures, "permuted")}
        return Experiment(
            name=self.registry_name,
            base=Recipe(CONVOLUTIONAL, pictures, optimizer=Adam(0.003), steps=400),
            arms=(
                Arm("convolutional", label=Text("convolutional", "畳み込み")),
                Arm(
                    "convolutional, permuted",
                    mixed,
                    label=Text("convolutional, pixels permuted", "畳み込み、画素を並べ替え"),
                ),
                Arm("dense", {"network": DENSE}, label=Text("dense", "全結合")),
                Arm(
                    "dense, permuted",
                    {"network": DENSE, **mixed},
                    label=Text("dense, pixels permuted", "全結合、画素を並べ替え"),
                ),
            ),
            seeds=tuple(range(8)),
            baseline="dense",
            claims=(
                beats("convolutional", "dense"),
                beats("convolutional", "convolutional, permuted"),
                Claim("dense, permuted", "dense", "test_accuracy", "lower"),
            ),
            observations=Observations(taps=10, evaluations=10, filters=True, fields=True),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """How far the units of each convolution see, and how every arm ended."""
        return [*_fields(result), *network_sentences(result)]


def _fields(result: ExperimentResult) -> list[Sentence]:
    kept = [exhibit for run in result.of("convolutional") for exhibit in run.exhibits]
    found = [exhibit for exhibit in kept if exhibit.kind == "receptive_field"]
    sides = " → ".join(
        "{} x {}".format(*((values.any(axis=1 - axis)).sum() for axis in (0, 1)))
        for values in (exhibit.arrays["values"] > 0 for exhibit in found)
    )
    if not found:
        return []
    picture = " x ".join(map(str, found[0].arrays["values"].shape))
    return [Sentence("experiments.locality.fields", {"sides": sides, "picture": picture})]
