"""The catalog: experiments that come with koubai, one file each in `lab/experiments/`.

An entry builds its experiment for a data set and says in sentences what came out of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from koubai.core.errors import ConfigError, Problem, UnknownName, nearest
from koubai.core.registry import Registry, discover
from koubai.lab.experiment import Experiment, Text
from koubai.lab.measures import Measured, MeasureName, lower_is_better
from koubai.lab.phrases import Counts, Failure, arm_text
from koubai.lab.result import ExperimentResult, Sentence
from koubai.words import entries

CATALOG = Registry("experiment")


class Entry:
    """Base of all entries. The docstring tells what the course teaches with it.

    `data` names the data sets it is made for; the first is the quick one that needs no files. `also` are
    other names by which it may be asked for, where no word of the glossary leads to it.
    """

    registry_name: ClassVar[str] = ""
    data: ClassVar[tuple[str, ...]] = ("digits",)
    also: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def name(cls) -> str:
        """The name on the command line."""
        return cls.registry_name.replace("_", "-")

    def experiment(self, data: str) -> Experiment:
        """Return the experiment on one of `data`."""
        raise NotImplementedError

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """Return what a learner should take home from this very result."""
        raise NotImplementedError


def listing() -> list[Entry]:
    """Return all entries in the order of their names."""
    return [entry() for entry in catalog().values()]


def catalog() -> Registry:
    """Return the registry of all entries."""
    import koubai.lab.experiments

    discover("koubai.lab.experiments", koubai.lab.experiments.__path__)
    return CATALOG


def build(name: str, data: str | None = None) -> Experiment:
    """Return a catalog experiment on a data set (None = the quick one), with its question in words."""
    known = {entry.name(): entry for entry in listing()}
    if (entry := known.get(name.replace("_", "-"))) is None:
        raise UnknownName("experiment", name, known)
    data = (data or entry.data[0]).replace("-", "_")
    if data not in entry.data:
        near = nearest(data, entry.data)
        hint = f"did you mean {near!r}?" if near else "one of " + ", ".join(entry.data)
        raise ConfigError(entry.name(), [Problem("data", f"not made for {data!r}", hint=hint)])
    experiment: Experiment = entry.experiment(data)
    words = entries("experiments")[f"{entry.registry_name}.question"]
    return replace(
        experiment,
        name=entry.name() if len(entry.data) == 1 else f"{entry.name()}-{data}",
        question=Text(words["en"], words["ja"]),
        family=entry.registry_name,
    )


def closing_sentences(result: ExperimentResult) -> ExperimentResult:
    """Return the result with its sentences: the entry's own, or the general ones, then what went wrong."""
    family = result.experiment.family
    own = catalog()[family]().sentences(result) if family else list(_best(result))
    return replace(result, sentences=(*own, *_troubles(result)))


def _best(result: ExperimentResult) -> Iterator[Sentence]:
    measure = result.experiment.measure
    found = [s for arm in result.arms if (s := result.summary(arm)) is not None]
    if len(found) > 1:
        sign = -1 if lower_is_better(measure) else 1
        best = max(found, key=lambda summary: sign * summary.mean)
        yield Sentence(
            "lab.sentence.best",
            {
                "arm": arm_text(result, best.arm),
                "measure": MeasureName(measure),
                "mean": Measured(measure, best.mean),
                "n": best.n,
            },
        )


def _troubles(result: ExperimentResult) -> Iterator[Sentence]:
    for kind, happened in (
        ("collapsed", lambda run: run.collapsed and run.stopped_by is None),
        ("diverged", lambda run: run.stopped_by == "not finite"),
    ):
        counts = Counts(
            tuple(
                (arm_text(result, name), count, len(result.of(name)))
                for name in result.arms
                if (count := sum(map(happened, result.of(name))))
            )
        )
        if counts.items:
            yield Sentence(f"lab.sentence.{kind}", {"arms": counts})
    for run in result.runs:
        if run.failure is not None:
            values = {"arm": arm_text(result, run.arm), "seed": run.seed, "failure": Failure(run.failure)}
            yield Sentence("lab.sentence.failed", values)
    if result.pending:
        total = len(result.experiment.arms) * len(result.experiment.seeds)
        yield Sentence("lab.sentence.pending", {"pending": result.pending, "total": total})
