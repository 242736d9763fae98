"""Shortcuts: layers that are led around let the gradient through."""

from __future__ import annotations

from koubai.core.layer import Layer
from koubai.lab.conclude.phrases import Ratio, arm_sentences, learned, middle_of
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import GAUSS, beats, source
from koubai.lab.declare.experiment import Arm, Experiment, Observations
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.layers.activations import Tanh
from koubai.layers.flatten import Flatten
from koubai.layers.linear import Linear
from koubai.layers.rectifiers import ReLU
from koubai.layers.residual import Residual
from koubai.layers.sequential import Sequential
from koubai.optim.sgd import SGD
from koubai.train.recipe import Recipe

DEPTH, WIDTH = 10, 50


def network(activation: Layer, *, shortcuts: bool) -> Sequential:
    """A first layer, nine more that keep its width, each with a shortcut around it or none; the classes."""
    block = Sequential(Linear(WIDTH), activation)
    inner = Residual(block) if shortcuts else block
    return Sequential(Flatten(), *block, *[inner] * (DEPTH - 1), Linear(10))


NETWORKS = {
    f"{name}, {'shortcuts' if shortcuts else 'plain'}": network(activation, shortcuts=shortcuts)
    for name, activation in (("tanh", Tanh()), ("ReLU", ReLU()))
    for shortcuts in (False, True)
}


@CATALOG.register
class Shortcuts(Entry):
    """Ten hidden layers of 50 whose weights start far too small, plain or with shortcuts around nine of them.

    A layer with a shortcut puts out x + f(x), so its derivative is 1 + f'(x): however small f' is, the
    product over the layers does not vanish (He et al. 2016, "Identity mappings in deep residual
    networks", sec. 2). Normal .01 makes the plain networks' gradients vanish; everything else is the same.
    """

    def experiment(self, data: str) -> Experiment:
        """Two activations, each plain and with shortcuts."""
        return Experiment(
            name=self.registry_name,
            base=Recipe(
                NETWORKS["tanh, plain"], source(data), optimizer=SGD(0.1), steps=500, initializer=GAUSS
            ),
            arms=tuple(
                Arm(name, {"network": net}, dict(zip(("activation", "path"), name.split(", "), strict=True)))
                for name, net in NETWORKS.items()
            ),
            baseline="tanh, plain",
            claims=(beats("tanh, shortcuts", "tanh, plain"), beats("ReLU, shortcuts", "ReLU, plain")),
            observations=Observations(histograms=True, signal=True),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """For every arm: how much of the gradient reaches the first layer, and whether it learned."""
        return arm_sentences(
            result,
            "experiments.shortcuts.arm",
            lambda arm: {
                "ratio": Ratio(middle_of(result, arm, "first_to_last_gradient")),
                "outcome": learned(result, arm),
            },
        )
