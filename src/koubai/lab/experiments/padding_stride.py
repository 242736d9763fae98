"""Padding and stride: how large is what comes out, and what does it cost?"""

from __future__ import annotations

from koubai.lab.conclude.phrases import arm_text, learned, mean_of
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import beats, source
from koubai.lab.declare.experiment import Axis, Claim, Experiment, Observations, grid
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.layers.convolution import Conv2d
from koubai.layers.flatten import Flatten
from koubai.layers.linear import Linear
from koubai.layers.rectifiers import ReLU
from koubai.layers.sequential import Sequential
from koubai.layers.window import Window
from koubai.optim.adam import Adam
from koubai.train.recipe import Recipe

_KERNEL, _CHANNELS = 3, 16
_SIDE = {"digits": 8, "mnist": 28, "fashion_mnist": 28}


@CATALOG.register
class PaddingStride(Entry):
    """One convolution of 3x3 with paddings 0, 1, 2 and strides 1, 2, 3, then one linear layer.

    out = floor((in + 2 padding - kernel) / stride) + 1: an 8 x 8 input with padding 1 and stride 2 gives
    4 x 4. Without padding the border is seen less often than the middle.
    """

    def experiment(self, data: str) -> Experiment:
        """Nine combinations."""
        sizes = {} if data == "digits" else {"train": 5000, "test": 1000}
        layers = Sequential(Conv2d(_CHANNELS, _KERNEL), ReLU(), Flatten(), Linear(10))
        where = "network.layers.0"
        return Experiment(
            name=self.registry_name,
            base=Recipe(layers, source(data, **sizes), optimizer=Adam(0.003), steps=300),
            arms=grid(
                Axis("padding", {f"padding {p}": {f"{where}.padding": p} for p in (0, 1, 2)}),
                Axis("stride", {f"stride {s}": {f"{where}.stride": s} for s in (1, 2, 3)}),
            ),
            baseline="padding 1 + stride 1",
            claims=(
                Claim("padding 1 + stride 2", "padding 1 + stride 1", "multiply_adds", "lower"),
                beats("padding 1 + stride 1", "padding 1 + stride 3"),
            ),
            observations=Observations(taps=20, evaluations=10, filters=True),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """For every combination: the arithmetic of its size, its cost, how it ended."""
        data = result.experiment.base.data
        side = _SIDE[data.registry_name]
        said = []
        for arm in result.experiment.arms:
            if result.of(arm.name):
                layer = result.experiment.plan(arm, 0).network.layers[0]
                values = {
                    "arm": arm_text(result, arm.name),
                    "side": side,
                    "padding": layer.padding,
                    "stride": layer.stride,
                    "kernel": _KERNEL,
                    "out": out_side(layer.window, side),
                    "multiply_adds": round(mean_of(result, arm.name, "multiply_adds")),
                    "outcome": learned(result, arm.name),
                }
                said.append(Sentence("experiments.padding_stride.arm", values))
        return said


def out_side(window: Window, side: int) -> int:
    """Return the side of the square that comes out."""
    return window.out((side, side))[0]
