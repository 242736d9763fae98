"""Batch normalization's place: before the activation, after it, or nowhere?"""

from __future__ import annotations

from typing import ClassVar

from koubai.core.layer import Layer
from koubai.initializers.initializer import Initializer
from koubai.initializers.normal import HeNormal, LeCunNormal
from koubai.lab.conclude.phrases import outcomes
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import COURSE_HIDDEN, beats, source
from koubai.lab.declare.experiment import Arm, Experiment, Observations
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.layers.activations import Activation, Sigmoid
from koubai.layers.batch_norm import BatchNorm
from koubai.layers.flatten import Flatten
from koubai.layers.linear import Linear
from koubai.layers.rectifiers import ReLU
from koubai.layers.sequential import Sequential
from koubai.optim.sgd import SGD
from koubai.train.recipe import Recipe

PLACES = ("no BN", "BN before", "BN after")
ACTIVATIONS: dict[str, tuple[Activation, Initializer]] = {
    "sigmoid": (Sigmoid(), LeCunNormal()),
    "ReLU": (ReLU(), HeNormal()),
}


def network(activation: Activation, place: str) -> Sequential:
    """Hidden blocks of a linear layer, its activation, and a normalization before it, after it or nowhere."""
    block: dict[str, tuple[Layer, ...]] = {
        "no BN": (activation,),
        "BN before": (BatchNorm(), activation),
        "BN after": (activation, BatchNorm()),
    }
    hidden = [layer for size in COURSE_HIDDEN for layer in (Linear(size), *block[place])]
    return Sequential(Flatten(), *hidden, Linear(10))


@CATALOG.register
class BatchNormalizationPlace(Entry):
    """784-40-20-10, SGD .01, 1000 updates: sigmoid with Xavier, ReLU with He, each with and without.

    The course says that the layer stands before or after the activation. Before it, the sums are kept where
    the activation bends (Ioffe and Szegedy 2015, sec. 3.2). After it, what the next layer gets has mean 0 and
    variance 1: sigmoid's outputs, which all lie near .5, no longer push all sums of the next layer one way.
    """

    also: ClassVar = ("バッチ正規化の位置", "BN の位置")

    def experiment(self, data: str) -> Experiment:
        """Two activations, each with three places."""
        arms = tuple(
            Arm(
                f"{name}, {place}",
                {"network": network(activation, place), "initializer": initializer},
                {"activation": name, "place": place},
            )
            for name, (activation, initializer) in ACTIVATIONS.items()
            for place in PLACES
        )
        return Experiment(
            name=self.registry_name,
            base=Recipe(network(Sigmoid(), "no BN"), source(data), optimizer=SGD(0.01), steps=1000),
            arms=arms,
            seeds=tuple(range(8)),
            baseline="sigmoid, no BN",
            claims=tuple(
                beats(f"{name}, {place}", f"{name}, {over}")
                for name in ACTIVATIONS
                for place, over in (("BN before", "no BN"), ("BN after", "no BN"), ("BN after", "BN before"))
            ),
            observations=Observations(histograms=True),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """How every arm ended, and what that cannot show."""
        return [*outcomes(result), Sentence("experiments.batch_normalization_place.limits")]
