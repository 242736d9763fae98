"""Lesson 10: how large the output of a convolution is, counted where its filter can stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

from koubai.lab.declare.experiment import Arm, Experiment
from koubai.lab.perform.plans.unrolling import Unrolling
from koubai.lab.perform.run_result import RunResult
from koubai.study.lessons.lesson import LESSONS, Frame, Guess, Lesson, Row, Wrong


@dataclass(frozen=True)
class Setting:
    """A square input of `size` and a filter of `kernel`, moved by `stride`, with `padding` on each side."""

    size: int
    kernel: int
    stride: int
    padding: int


SETTINGS = {
    "plain": Setting(7, 3, 1, 0),
    "same": Setting(8, 3, 1, 1),
    "grows": Setting(6, 2, 1, 1),
    "strided": Setting(8, 3, 2, 1),
}
_POSITIONS = 8


@LESSONS.register
class OutputSize(Lesson):
    """The output has one value for each place the filter can stand: floor((n + 2p - k) / s) + 1 along a side.

    Counted by im2col, which writes one column for each place.
    """

    number = 10
    filters = SETTINGS
    random = False
    guess = Guess("levels", tuple(SETTINGS), low=0, high=12, start=6, step=1)
    arms = tuple(SETTINGS)
    reasons = ("places", "divided", "never_grows", "lost")
    wrongs = (
        Wrong("strided_three", {"strided": (3, 3)}),
        Wrong("one_side", {"same": (7, 7)}),
        Wrong("never_grows", {"grows": (0, 6)}),
    )
    usual = "im2col"
    rows = (
        Row(
            "place",
            "o = floor((n + 2 p - k) / s) + 1",
            "koubai.layers.window:out_size",
            "return (size + 2 * padding",
        ),
    )
    questions = ("output_size", "multiplicity")
    experiment_name = "padding-stride"

    def experiment(self, seeds: Sequence[int]) -> Experiment:
        """Every setting unrolled once."""
        arms = tuple(Arm(name, vars(setting)) for name, setting in SETTINGS.items())
        return self.experiment_of(Unrolling(), arms, (0,), taps=0, evaluations=0)

    def values(self, run: RunResult) -> dict[str, float]:
        """The side of what comes out: the root of the number of columns."""
        return {run.arm: float(isqrt(int(run.scores["columns"])))}

    def facts(self, runs: Sequence[RunResult]) -> dict[str, float]:
        """The sides, and how often a pixel is seen."""
        facts: dict[str, float] = {}
        for run in runs:
            facts |= {f"{run.arm}_side": self.values(run)[run.arm]}
            facts |= {f"{run.arm}_least": run.scores["least"], f"{run.arm}_most": run.scores["most"]}
        return facts

    def trace(self) -> list[Frame]:
        """Along one side: the pixels under the filter at its i-th place, and how many places fit so far."""
        frames = []
        for i in range(_POSITIONS):
            places = {}
            for name, one in SETTINGS.items():
                first = i * one.stride - one.padding + 1
                end = one.size + one.padding
                places[name] = {
                    "i": i + 1,
                    "first": first,
                    "last": first + one.kernel - 1,
                    "begin": 1 - one.padding,
                    "end": end,
                    "count": min(i + 1, (one.size + 2 * one.padding - one.kernel) // one.stride + 1),
                }
            frames.append(Frame(i + 1, places))
        return frames
