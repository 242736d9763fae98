"""Lesson 11: what one unit of a convolutional network sees, and how many of them are silent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from koubai.core.params import Array
from koubai.initializers.constant import Constant
from koubai.lab.course.settings import source
from koubai.lab.declare.experiment import Arm, Experiment
from koubai.lab.perform.run_result import RunResult
from koubai.layers.convolution import Conv2d
from koubai.layers.flatten import Flatten
from koubai.layers.linear import Linear
from koubai.layers.max_pool import MaxPool2d
from koubai.layers.rectifiers import ReLU
from koubai.layers.sequential import Sequential
from koubai.network.network import Network
from koubai.network.summary import layer_rows
from koubai.optim.adam import Adam
from koubai.probes.histograms import activations
from koubai.study.lessons.lesson import LESSONS, Frame, Guess, Lesson, Row, Scale, Wrong, looked_at
from koubai.train.recipe import Recipe
from koubai.train.session import Session

SIDE, STEPS = 8, 1000
SHOWN = (0, 10, 30, 100, 300, STEPS)
"""Updates after which filters and maps are looked at."""
FIRST, SECOND = Conv2d(8, 3, padding=1), Conv2d(16, 3, padding=1)
_UPDATES = 8
_RELUS = {"1": "1", "2": "3"}  # convolution -> path of the ReLU behind it


@cache
def seen(convolutions: int) -> Array:
    """Return which pixels one unit in the middle sees behind some convolutions, (SIDE, SIDE).

    Told by the gradient: with weights of 1 it is 0 exactly at the pixels that have no part in the unit.
    """
    layers = [Conv2d(1, 3, padding=1, bias=False) for _ in range(convolutions)]
    network = Network(Sequential(*layers), (1, SIDE, SIDE), Constant(1.0))
    root = network.bind(network.initialize(0, "float64"))
    y = root.forward(np.ones((1, 1, SIDE, SIDE)))
    dy = np.zeros_like(y)
    dy[0, 0, SIDE // 2, SIDE // 2] = 1
    found: Array = root.backward(dy)[0, 0] != 0
    return found


def sight(convolutions: int) -> float:
    """Return the share of the picture that a unit in the middle sees."""
    return float(seen(convolutions).mean())


@LESSONS.register
class Convnet(Lesson):
    """A unit of the first convolution sees 3 x 3 pixels, of the second 5 x 5; behind ReLU many answer 0."""

    number = 11
    guess = Guess(
        "levels",
        ("parameters", "sight_first", "sight_second", "zeros_start", "zeros_end"),
        low=0,
        high=1,
        start=0.5,
        step=0.01,
        share=True,
        scales={"parameters": Scale(low=2, high=6, start=4, step=0.05, log=True)},
    )
    arms = ("convnet",)
    reasons = ("local", "whole", "pooled", "weights")
    wrongs = (
        Wrong("whole", {"sight_first": (0.5, 1)}),
        Wrong("dense", {"zeros_start": (0, 0.1)}),
    )
    usual = "dense"
    rows = (
        Row(
            "convolution",
            "y_p = sum_k W_k x_{p + k} + b",
            "koubai.layers.convolution:Convolution.forward",
            "y = (W @ cols).reshape(N, *cell.out_shape)",
        ),
        Row("relu", "f(u) = max(0, u)", "koubai.layers.rectifiers:ReLU.value", "return np.maximum(u, 0)"),
    )
    questions = ("sight", "convolution_parameters")
    experiment_name = "simple-convnet"

    def experiment(self, seeds: Sequence[int]) -> Experiment:
        """A small convnet on digits."""
        network = Sequential(FIRST, ReLU(), SECOND, ReLU(), MaxPool2d(2), Flatten(), Linear(10))
        base = Recipe(network, source("digits"), optimizer=Adam(0.003), steps=STEPS)
        return self.experiment_of(base, (Arm("convnet"),), seeds, taps=20, evaluations=1, evaluate_rows=1)

    def values(self, run: RunResult) -> dict[str, float]:
        """How many parameters there are, what a unit sees, zeros behind the first ReLU at first and last."""
        _, zeros = run.history.series("zero_share", _RELUS["1"])
        return {
            "parameters": run.scores["parameters"],
            "sight_first": sight(1),
            "sight_second": sight(2),
            "zeros_start": float(zeros[0]),
            "zeros_end": float(zeros[-1]),
        }

    def facts(self, runs: Sequence[RunResult]) -> dict[str, float]:
        """The same as means, with the accuracy and the number of parameters."""
        values = [self.values(run) for run in runs]
        shares = [point for point in self.guess.points if point not in self.guess.scales]
        facts = {f"{point}_share": float(np.mean([one[point] for one in values])) for point in shares}
        side, deeper = (round(np.sqrt(sight(depth)) * SIDE) for depth in (1, 2))
        return facts | {
            "accuracy": float(np.mean([run.scores["test_accuracy"] for run in runs])),
            "parameters": runs[0].scores["parameters"],
            **parameters(),
            "first_side": float(side),
            "second_side": float(deeper),
        }

    def pictures(self) -> dict[str, Any]:
        """Filters of the first convolution and their maps of one digit, update by update; what units see."""
        return _pictures(self)

    def trace(self) -> list[Frame]:
        """For both convolutions: how their outputs spread, and how many are 0 behind ReLU."""
        session = looked_at(self.experiment((0,)).base, _UPDATES)
        series = session.history.series
        return [
            Frame(
                i + 1,
                {
                    place: {
                        "mean": float(series("activation_mean", str(int(relu) - 1))[1][i]),
                        "std": float(series("activation_std", str(int(relu) - 1))[1][i]),
                        "zeros_share": float(series("zero_share", relu)[1][i]),
                    }
                    for place, relu in _RELUS.items()
                },
            )
            for i in range(_UPDATES)
        ]


@cache
def parameters() -> dict[str, float]:
    """Return how many parameters the three layers have that have any."""
    base: Recipe = Convnet().experiment((0,)).base
    network = Network(base.network, (1, SIDE, SIDE))
    counts = [float(row.parameters) for row in layer_rows(network) if row.parameters]
    return dict(zip(("first_parameters", "second_parameters", "dense_parameters"), counts, strict=True))


@cache
def _pictures(lesson: Convnet) -> dict[str, Any]:
    recipe: Recipe = lesson.experiment((0,)).base
    session = Session(recipe)
    x = np.ascontiguousarray(session.dataset.inputs("test")[:1], recipe.dtype)
    frames = []
    for step in SHOWN:
        session.advance(step - session.step)
        weights = session.state().weights
        maps = activations(session.network, weights, x)[_RELUS["1"]][0]
        filters = weights.params["0.weight"][:, 0]
        frames.append({"step": step, "filters": _plain(filters), "maps": _plain(maps)})
    return {
        "picture": _plain(x[0, 0]),
        "label": int(session.dataset.t_test[0]),
        "seen": [seen(depth).astype(int).tolist() for depth in (1, 2)],
        "frames": frames,
    }


def _plain(values: Array) -> Any:
    """Return values as lists, rounded to what a picture shows."""
    return np.round(values.astype(np.float64), 4).tolist()
