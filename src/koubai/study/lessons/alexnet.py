"""Lesson 12: where AlexNet's parameters are, and where its work is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from koubai.lab.declare.experiment import Arm, Experiment, Watch
from koubai.lab.perform.outcome import Context, Outcome
from koubai.lab.perform.plans.plan import LabPlan
from koubai.lab.perform.run_result import RunResult
from koubai.models.alexnet import AlexNet
from koubai.network.network import Network
from koubai.network.summary import Row as Counted
from koubai.network.summary import rows as counted
from koubai.study.lessons.lesson import LESSONS, Frame, Guess, Lesson, Row, Wrong

SIDE = 227
CONVOLUTIONS = ("conv1", "conv2", "conv3", "conv4", "conv5")
AFFINE = ("fc6", "fc7", "fc8")
PARTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "conv_parameters": ("parameters", CONVOLUTIONS),
    "conv_products": ("multiply_adds", CONVOLUTIONS),
    "fc6_parameters": ("parameters", ("fc6",)),
    "fc6_products": ("multiply_adds", ("fc6",)),
}


@cache
def layers(grouped: bool = True, side: int = SIDE) -> dict[str, Counted]:
    """Return the eight layers with weights, counted from their shapes; nothing is allocated."""
    network = Network(AlexNet(grouped=grouped), (3, side, side))
    found = [row for row in counted(network) if row.parameters]
    return dict(zip((*CONVOLUTIONS, *AFFINE), found, strict=True))


@dataclass(frozen=True, kw_only=True)
class Count(LabPlan):
    """The share of some layers in all parameters or multiply-adds."""

    registry_name = "count"
    part: str = "conv_parameters"

    def perform(self, context: Context) -> Outcome:
        """Count."""
        what, names = PARTS[self.part]
        whole = layers()
        total = sum(getattr(row, what) for row in whole.values())
        return Outcome({"share": sum(getattr(whole[name], what) for name in names) / total}, engine="formula")


@LESSONS.register
class Alexnet(Lesson):
    """Nearly all parameters are in the fully connected layers, nearly all work is in the convolutions.

    The few weights of a filter are used at every place of a picture, those of a fully connected layer once.
    """

    number = 12
    random = False
    guess = Guess("levels", tuple(PARTS), low=0, high=1, start=0.5, step=0.01, share=True)
    arms = tuple(PARTS)
    reasons = ("reused", "deep", "large_filters", "relu")
    wrongs = (
        Wrong("convolutions_hold", {"conv_parameters": (0.4, 1)}),
        Wrong("affine_works", {"conv_products": (0, 0.5)}),
    )
    usual = "printed"
    rows = (
        Row(
            "parameters",
            "M (C / G) K + M",
            "koubai.layers.convolution:Convolution.params",
            'specs = {"weight": ParamSpec((M, inner, *kernel)',
            CONVOLUTIONS,
        ),
        Row("parameters", "F G + G", "koubai.layers.linear:Linear.params", "specs = {", AFFINE),
        Row(
            "products",
            "P M (C / G) K",
            "koubai.layers.convolution:Convolution.multiply_adds",
            "return prod(",
            CONVOLUTIONS,
        ),
        Row("products", "F G", "koubai.layers.linear:Linear.multiply_adds", "return shape[0]", AFFINE),
    )
    questions = ("alexnet_weights", "convolution_parameters")
    experiment_name = "alexnet"

    def experiment(self, seeds: Sequence[int]) -> Experiment:
        """Each share counted once."""
        arms = tuple(Arm(part, {"part": part}) for part in PARTS)
        watch = Watch(taps=0, evaluations=0)
        return Experiment(f"lesson-{self.registry_name}", Count(), arms, seeds=(0,), watch=watch)

    def values(self, run: RunResult) -> dict[str, float]:
        """The share."""
        return {run.arm: run.scores["share"]}

    def facts(self, runs: Sequence[RunResult]) -> dict[str, float]:
        """The shares, the totals, and sides behind the first convolution."""
        grouped, whole = layers().values(), layers(grouped=False).values()
        facts: dict[str, float] = {f"{run.arm}_share": run.scores["share"] for run in runs}
        return facts | {
            "parameters": sum(row.parameters for row in grouped),
            "products": sum(row.multiply_adds for row in grouped),
            "whole_parameters": sum(row.parameters for row in whole),
            "conv1_places": layers()["conv1"].shape[-1] ** 2,
            "side": SIDE,
            "conv1_side": layers()["conv1"].shape[-1],
            "printed_side": layers(side=224)["conv1"].shape[-1],
        }

    def trace(self) -> list[Frame]:
        """Layer by layer, as on the two GPUs of 2012 and whole."""
        return [
            Frame(
                i + 1,
                {
                    name: {
                        "parameters": row.parameters,
                        "products": row.multiply_adds,
                        "times": row.multiply_adds / row.parameters,
                    }
                    for name, row in layers(grouped).items()
                },
            )
            for i, grouped in enumerate((True, False))
        ]
