"""Phrases that the closing sentences of many experiments share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite, log10

from koubai.lab.experiment import Text
from koubai.lab.measures import Measured
from koubai.lab.result import ExperimentResult, RunResult, Sentence
from koubai.words import say
from koubai.words.retell import retold

_LONG = 1e9  # from which the zeros of a number are no longer counted by eye
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Counts:
    """Arms with how many of their seeds: 'A 5 of 5, B 2 of 5'."""

    items: tuple[tuple[Text, int, int], ...]

    def say(self, lang: str | None = None) -> str:
        """Return the list."""
        parts = [
            say("lab.counts.item", lang, arm=arm.say(lang), count=count, n=n) for arm, count, n in self.items
        ]
        return say("lab.counts.comma", lang).join(parts)


@dataclass(frozen=True)
class Failure:
    """Why a run failed, as its error said."""

    text: str

    def say(self, lang: str | None = None) -> str:
        """Return the error's text in a language."""
        return retold(self.text, lang)


@dataclass(frozen=True)
class Ratio:
    """A ratio as a learner reads it: '1/40,000 of', or '1.3 times'."""

    value: float

    def say(self, lang: str | None = None) -> str:
        """Return the ratio in words; two digits are enough."""
        if not isfinite(self.value):
            return say("lab.ratio.unknown", lang)
        if self.value == 0:
            return say("lab.ratio.zero", lang)
        if self.value > 0.5:
            return say("lab.ratio.times", lang, times=f"{self.value:.2g}")
        parts = 1 / self.value
        if parts >= _LONG:
            return say("lab.ratio.power", lang, power=str(round(log10(parts))).translate(_SUPERSCRIPTS))
        return say(
            "lab.ratio.part", lang, parts=round(float(f"{parts:.1g}" if parts >= 1000 else f"{parts:.2g}"))
        )


def arm_text(result: ExperimentResult, name: str) -> Text:
    """Return an arm's title as a text for sentences."""
    arm = result.arms[name]
    return Text(arm.title("en"), arm.title("ja"))


def never_left_chance(run: RunResult) -> bool:
    """Return whether a run ended with one answer for all and was never better than that while it trained.

    Before the first update a network answers at random, which is no merit; that look does not count.
    """
    steps, seen = run.history.series("test_accuracy")
    seen = seen[steps > 0]
    return run.collapsed and len(seen) > 0 and float(seen.max()) <= run.scores["chance"]


def learned(result: ExperimentResult, arm: str) -> Sentence:
    """Return how an arm ended: its accuracy, or in how many seeds it never left chance."""
    runs, summary = result.of(arm), result.summary(arm, "test_accuracy")
    stuck = sum(never_left_chance(run) for run in runs)
    if stuck == len(runs) or summary is None:
        return Sentence("lab.outcome.stuck", {"count": stuck, "n": len(runs)})
    mean = Measured("test_accuracy", summary.mean)
    if stuck:
        return Sentence("lab.outcome.partly", {"mean": mean, "count": stuck, "n": len(runs)})
    if summary.interval is None:
        return Sentence("lab.outcome.single", {"mean": mean})
    low, high = (Measured("test_accuracy", end) for end in (summary.interval.low, summary.interval.high))
    return Sentence("lab.outcome.learned", {"mean": mean, "low": low, "high": high, "n": summary.n})


def outcomes(result: ExperimentResult) -> list[Sentence]:
    """Return one sentence an arm: how it ended."""
    return [
        Sentence("lab.outcome.arm", {"arm": arm_text(result, arm), "outcome": learned(result, arm)})
        for arm in result.arms
        if result.of(arm)
    ]


def gaps(result: ExperimentResult) -> list[Sentence]:
    """Return one sentence an arm: its accuracy on training and test part, and the gap between them."""
    return [
        Sentence(
            "lab.outcome.gap",
            {
                "arm": arm_text(result, arm),
                "train": Measured("accuracy", mean_of(result, arm, "train_accuracy")),
                "test": Measured("accuracy", mean_of(result, arm, "test_accuracy")),
                "gap": Measured("gap", mean_of(result, arm, "gap"), signed=True),
            },
        )
        for arm in result.arms
        if result.of(arm)
    ]


def first_runs(result: ExperimentResult) -> Iterator[tuple[str, RunResult]]:
    """Yield every arm with its first run, for what is the same with every seed."""
    for arm in result.arms:
        for run in result.of(arm)[:1]:
            yield arm, run


def mean_of(result: ExperimentResult, arm: str, measure: str) -> float:
    """Return an arm's mean of a measure, NaN if no run gave one."""
    summary = result.summary(arm, measure)
    return summary.mean if summary else float("nan")
