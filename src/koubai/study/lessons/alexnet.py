"""Lesson 12: where AlexNet's parameters are, and where its work is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from koubai.core import random
from koubai.lab.course.settings import GAUSS, source
from koubai.lab.declare.experiment import Arm, Experiment
from koubai.lab.experiments.shortcuts import DEPTH
from koubai.lab.experiments.shortcuts import network as deep
from koubai.lab.perform.gradients import at_start
from koubai.lab.perform.outcome import Context, Outcome
from koubai.lab.perform.plans.plan import LabPlan
from koubai.lab.perform.run_result import RunResult
from koubai.layers.activations import Sigmoid
from koubai.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from koubai.models.alexnet import AlexNet
from koubai.network.network import Network
from koubai.network.summary import LayerRow as Counted
from koubai.network.summary import layer_rows as counted
from koubai.optim.sgd import SGD
from koubai.study.lessons.lesson import LESSONS, Frame, Guess, Lesson, Row, Wrong, looked_at
from koubai.train.recipe import Recipe

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


STEP = "step"
RATE = 0.0001
_LOSS = SoftmaxCrossEntropy()


@dataclass(frozen=True, kw_only=True)
class Count(LabPlan):
    """The share of some layers in all parameters or multiply-adds; or one real update of it all."""

    registry_name = "count"
    part: str = "conv_parameters"

    def perform(self, context: Context) -> Outcome:
        """Count, or make the update."""
        if self.part == STEP:
            return Outcome(one_step(self.seed), engine="reference")
        what, names = PARTS[self.part]
        whole = layers()
        total = sum(getattr(row, what) for row in whole.values())
        return Outcome({"share": sum(getattr(whole[name], what) for name in names) / total}, engine="formula")


def one_step(seed: int) -> dict[str, float]:
    """Return what one update on one picture of random numbers does: losses, time, and what moved.

    Made layer by layer, by the formulas, in float32, without dropout, so that the loss of the same picture
    can be compared; times are seconds of this machine.
    """
    wired = Network(AlexNet(dropout=0), (3, SIDE, SIDE))
    weights = wired.initialize(seed, "float32")
    x = random.generator(seed, "picture").standard_normal((1, 3, SIDE, SIDE)).astype(np.float32)
    t = np.zeros(1, np.int64)
    root = wired.bind(weights)
    started = time.perf_counter()
    y = root.forward(x)
    forward = time.perf_counter()
    before = float(_LOSS.value(y, t))
    root.backward(_LOSS.gradient(y, t))
    backward = time.perf_counter()
    squares = moved = 0.0
    for cell in root.walk():
        for name, gradient in cell.grads.items():
            squares += float(np.vdot(gradient, gradient))
            moved += float(np.count_nonzero(gradient))
            weight = weights.params[f"{cell.path}.{name}"]
            SGD(RATE).update(weight, gradient, {}, RATE, 1)
    ended = time.perf_counter()
    after = float(_LOSS.value(root.forward(x), t))
    return {
        "before": before,
        "after": after,
        "moved": moved,
        "gradient_norm": squares**0.5,
        "forward_seconds": forward - started,
        "backward_seconds": backward - forward,
        "update_seconds": ended - backward,
    }


@cache
def shortcut_gradients() -> dict[str, float]:
    """Return how much gradient reaches layer 1 of ten, plain and with a shortcut around nine of them."""
    found = {}
    for name, shortcuts in (("plain", False), ("shortcut", True)):
        layers = deep(Sigmoid(), shortcuts=shortcuts)
        recipe = Recipe(layers, source("digits"), optimizer=SGD(0.1), initializer=GAUSS, steps=1)
        sizes = list(at_start(looked_at(recipe, 1).history).values())
        found[f"{name}_first"] = sizes[0] / sizes[DEPTH - 1]
    return found


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
    others = ("printed", "deeper")
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
        """Each share counted once, and one real update."""
        arms = tuple(Arm(part, {"part": part}) for part in (*PARTS, STEP))
        return self.experiment_of(Count(), arms, (0,), taps=0, evaluations=0)

    def series(self, arm: str) -> str:
        """The update belongs to no line of its own."""
        return self.arms[0] if arm == STEP else arm

    def values(self, run: RunResult) -> dict[str, float]:
        """The share; nothing where an update was made."""
        return {} if run.arm == STEP else {run.arm: run.scores["share"]}

    def facts(self, runs: Sequence[RunResult]) -> dict[str, float]:
        """The shares, the totals, and sides behind the first convolution."""
        grouped, whole = layers().values(), layers(grouped=False).values()
        facts: dict[str, float] = {f"{run.arm}_share": run.scores["share"] for run in runs if run.arm != STEP}
        step = next(run.scores for run in runs if run.arm == STEP)
        facts |= {f"step_{name}": value for name, value in step.items()}
        facts["step_seconds"] = sum(step[f"{part}_seconds"] for part in ("forward", "backward", "update"))
        facts |= shortcut_gradients()
        parameters = sum(row.parameters for row in grouped)
        products = sum(row.multiply_adds for row in grouped)
        return facts | {
            "dearest_parameters_share": max(row.parameters for row in grouped) / parameters,
            "dearest_products_share": max(row.multiply_adds for row in grouped) / products,
            "parameters": parameters,
            "products": products,
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
