"""Padding modes: why padding at all, and why with zeros?"""

from __future__ import annotations

import numpy as np

from koubai.core.layer import Layer
from koubai.data.dataset import DataSource
from koubai.lab.conclude.phrases import outcomes
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.rearranged import Rearranged
from koubai.lab.course.settings import beats, source
from koubai.lab.declare.experiment import Arm, Claim, Experiment, Observations, Text
from koubai.lab.declare.measures import Measured
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.layers.batch_norm import BatchNorm
from koubai.layers.convolution import Conv2d
from koubai.layers.global_average_pool import GlobalAveragePool
from koubai.layers.linear import Linear
from koubai.layers.padding import PaddingMode
from koubai.layers.rectifiers import ReLU
from koubai.layers.sequential import Sequential
from koubai.optim.adam import Adam
from koubai.train.recipe import Recipe

CHANNELS, KERNEL, SHALLOW, DEEP = 12, 3, 3, 6
SMALL = 0.01  # a difference between kinds of padding that counts as none
SIDES = {"digits": 8, "mnist": 28, "fashion_mnist": 28}
MODES: dict[PaddingMode, str] = {
    "zeros": "ゼロ",
    "reflect": "折り返し",
    "replicate": "端の値",
    "random": "でたらめな画素",
}


def network(layers: int, padding: int, mode: PaddingMode = "zeros") -> Sequential:
    """Return so many normalized 3x3 convolutions, the mean of every map, and one linear layer."""
    block: list[Layer] = []
    for _ in range(layers):
        block += [Conv2d(CHANNELS, KERNEL, padding=padding, padding_mode=mode), BatchNorm(), ReLU()]
    return Sequential(*block, GlobalAveragePool(), Linear(10))


@CATALOG.register
class PaddingModes(Entry):
    """Convolutions of 3x3 without padding, and with what lies outside taken as 0 or from the picture itself.

    Without padding every 3x3 convolution takes 2 from a picture's side, until nothing is left; with padding
    of 1 the side stays, however many there are: here 6. What to pad with: on black paper
    0 only continues the paper, so the digits are shown white on black, as they come, and black on white,
    where zeros put a frame around them. Places drawn at random, again for every update, are shown once: no
    engine has a kernel for them, so these runs take longest.
    """

    def experiment(self, data: str) -> Experiment:
        """Without padding and with it, and four kinds of padding on two kinds of paper."""
        sizes = {} if data == "digits" else {"train": 5000, "test": 1000}
        pictures = source(data, **sizes)
        paper: dict[str, tuple[str, DataSource]] = {
            "black paper": ("黒地", pictures),
            "white paper": ("白地", Rearranged(pictures, "inverted")),
        }
        frame = "zeros, white paper"
        deep = tuple(
            Arm(
                f"{mode}, {name}",
                {"network": network(DEEP, 1, mode), "data": own},
                label=Text(f"{mode}, {DEEP} layers, {name}", f"{MODES[mode]}、{DEEP} 層、{ja}"),
            )
            for name, (ja, own) in paper.items()
            for mode in MODES
            if mode != "random" or name == "white paper"
        )
        return Experiment(
            name=self.registry_name,
            base=Recipe(network(SHALLOW, 0), pictures, optimizer=Adam(0.003), steps=300),
            arms=(
                Arm("none", label=Text(f"no padding, {SHALLOW} layers", f"パディングなし、{SHALLOW} 層")),
                Arm(
                    "zeros, as deep",
                    {"network": network(SHALLOW, 1)},
                    label=Text(f"zeros, {SHALLOW} layers, black paper", f"ゼロ、{SHALLOW} 層、黒地"),
                ),
                *deep,
            ),
            seeds=tuple(range(8)),
            baseline="zeros, black paper",
            claims=(
                beats("zeros, black paper", "zeros, as deep"),
                beats("zeros, black paper", "none"),
                *(beats(f"{mode}, white paper", frame, matters=SMALL) for mode in ("reflect", "replicate")),
                Claim("random, white paper", frame, "test_accuracy", "lower", matters=SMALL),
            ),
            observations=Observations(taps=10, evaluations=10),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """How many layers fit, how the edge of the pictures looks, and how every arm ended."""
        data = result.experiment.base.data
        side = SIDES[data.registry_name]
        most = (side - 1) // (KERNEL - 1)
        values = {
            "side": side,
            "sides": " → ".join(str(side - (KERNEL - 1) * i) for i in range(most + 1)),
            "most": most,
            "kernel": KERNEL,
        }
        return [
            Sentence("experiments.padding_modes.depth", values),
            *([_edge(data)] if data.registry_name == "digits" else []),
            *outcomes(result),
            Sentence("experiments.padding_modes.limits"),
        ]


def _edge(data: DataSource) -> Sentence:
    """Say how much of the pictures' edge is 0; of data that need no files."""
    x = np.asarray(data.load().inputs("train"))
    edge = np.concatenate([x[..., 0, :], x[..., -1, :], x[..., 1:-1, 0], x[..., 1:-1, -1]], axis=-1)
    return Sentence("experiments.padding_modes.edge", {"share": Measured("accuracy", (edge == 0).mean())})
