"""Phrases that the closing sentences of many experiments share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite, log10

import numpy as np

from koubai.core import statistics
from koubai.lab.conclude.result import ArmSummary, ExperimentResult, Sentence
from koubai.lab.declare.experiment import Text
from koubai.lab.declare.measures import Measured
from koubai.lab.perform.run_result import RunResult
from koubai.words import say
from koubai.words.phrase import told

_ENDINGS = ("learned", "never", "fell", "diverged")
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
class Listed:
    """Parts of a sentence, one after another."""

    items: tuple[Sentence | Text, ...]

    def say(self, lang: str | None = None) -> str:
        """Return the parts, with what stands between them in that language."""
        return say("lab.counts.comma", lang).join(item.say(lang) for item in self.items)


@dataclass(frozen=True)
class Failure:
    """Why a run failed, as its error said."""

    text: str

    def say(self, lang: str | None = None) -> str:
        """Return the error's text in a language."""
        return told(self.text, lang)


@dataclass(frozen=True)
class Ratio:
    """A ratio as a learner reads it: '1/40,000 of', or '1.3 times'; `alone` where no noun follows."""

    value: float
    alone: bool = False

    def say(self, lang: str | None = None) -> str:
        """Return the ratio in words; two digits are enough."""
        kind, values = self._words()
        return say(f"lab.ratio.{'alone_' if self.alone else ''}{kind}", lang, **values)

    def _words(self) -> tuple[str, dict[str, object]]:
        if not isfinite(self.value):
            return "unknown", {}
        if self.value == 0:
            return "zero", {}
        if self.value > 0.5:
            return "times", {"times": f"{self.value:.2g}"}
        parts = 1 / self.value
        if parts >= _LONG:
            return "power", {"power": str(round(log10(parts))).translate(_SUPERSCRIPTS)}
        return "part", {"parts": round(float(f"{parts:.1g}" if parts >= 1000 else f"{parts:.2g}"))}


def arm_text(result: ExperimentResult, name: str) -> Text:
    """Return an arm's title as a text for sentences."""
    arm = result.arms[name]
    return Text(arm.title("en"), arm.title("ja"))


def arm_sentences(
    result: ExperimentResult, key: str, values: Callable[[str], Mapping[str, object]]
) -> list[Sentence]:
    """Return one sentence for each arm that has runs: its title is {arm}, the rest is what `values` gives."""
    return [
        Sentence(key, {"arm": arm_text(result, arm), **values(arm)}) for arm in result.arms if result.of(arm)
    ]


def arm_means(result: ExperimentResult, key: str, **means: tuple[str, str]) -> list[Sentence]:
    """Return one sentence for each arm that has runs, of means: {name} is (how it is written, a score)."""

    def values(arm: str) -> dict[str, object]:
        return {name: Measured(kind, mean_of(result, arm, score)) for name, (kind, score) in means.items()}

    return arm_sentences(result, key, values)


def ending(run: RunResult) -> str:
    """Return how a run ended: "diverged", "never", "fell" (never left chance, fell back to it) or "learned".

    Chance is what answering one class for all reaches, plus three standard errors of that share: guessing
    gets no further. Before the first update a network answers at random, which is no merit; that look does
    not count.
    """
    if run.stopped_by == "not finite":
        return "diverged"
    limit = run.scores.get("chance_limit", float("nan"))
    if not run.scores.get("test_accuracy", float("nan")) <= limit:
        return "learned"
    steps, seen = run.history.series("test_accuracy")
    return "never" if (seen[steps > 0] <= limit).all() else "fell"


def learned(result: ExperimentResult, arm: str) -> Sentence:
    """Return how an arm ended: its accuracy, or how many of its seeds ended otherwise, counted by outcome."""
    runs, summary = result.of(arm), result.summary(arm, "test_accuracy")
    ended = {kind: [run for run in runs if ending(run) == kind] for kind in _ENDINGS}
    if summary is not None and len(ended["learned"]) == len(runs):
        return _reached(summary)
    only = next((kind for kind, own in ended.items() if len(own) == len(runs)), None)
    if only is not None:
        return Sentence(f"lab.outcome.all_{only}", {"n": len(runs)})
    parts = []
    for kind, own in ended.items():
        if own:
            mean = statistics.mean([run.scores.get("test_accuracy", float("nan")) for run in own])
            values = {"count": len(own), "mean": Measured("test_accuracy", mean)}
            parts.append(Sentence(f"lab.outcome.some_{kind}", values))
    return Sentence("lab.outcome.mixed", {"n": len(runs), "parts": Listed(tuple(parts))})


def _reached(summary: ArmSummary) -> Sentence:
    mean = Measured("test_accuracy", summary.mean)
    if summary.interval is None:
        return Sentence("lab.outcome.single", {"mean": mean})
    low, high = (Measured("test_accuracy", end) for end in (summary.interval.low, summary.interval.high))
    return Sentence("lab.outcome.learned", {"mean": mean, "low": low, "high": high, "n": summary.n})


def outcomes(result: ExperimentResult) -> list[Sentence]:
    """Return one sentence an arm: how it ended."""
    return arm_sentences(result, "lab.outcome.arm", lambda arm: {"outcome": learned(result, arm)})


def gaps(result: ExperimentResult) -> list[Sentence]:
    """Return one sentence an arm: its accuracy on training and test part, and the gap between them."""
    return arm_means(
        result,
        "lab.outcome.gap",
        train=("accuracy", "train_accuracy"),
        test=("accuracy", "test_accuracy"),
        gap=("gap", "gap"),
    )


def first_runs(result: ExperimentResult) -> Iterator[tuple[str, RunResult]]:
    """Yield every arm with its first run, for what is the same with every seed."""
    for arm in result.arms:
        for run in result.of(arm)[:1]:
            yield arm, run


def mean_of(result: ExperimentResult, arm: str, measure: str) -> float:
    """Return an arm's mean of a measure, NaN if no run gave one."""
    summary = result.summary(arm, measure)
    return summary.mean if summary else float("nan")


def middle_of(result: ExperimentResult, arm: str, measure: str) -> float:
    """Return an arm's median of a measure over its seeds, NaN if no run gave one: for ratios of any size."""
    summary = result.summary(arm, measure)
    return float(np.median(list(summary.values.values()))) if summary else float("nan")


def network_sentences(result: ExperimentResult) -> list[Sentence]:
    """Return how each network ended, with its parameters and multiply-adds."""
    return arm_sentences(
        result,
        "lab.outcome.network",
        lambda arm: {
            "parameters": round(mean_of(result, arm, "parameters")),
            "multiply_adds": round(mean_of(result, arm, "multiply_adds")),
            "outcome": learned(result, arm),
        },
    )
