"""The end of an experiment: everything that can be said of its runs, up to the closing sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from koubai.lab.conclude.phrases import Counts, Failure, arm_text
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.conclude.summarize import Summaries, compare
from koubai.lab.conclude.verdicts import verdicts_of
from koubai.lab.declare.experiment import Experiment
from koubai.lab.declare.measures import Measured, MeasureName, lower_is_better
from koubai.lab.experiments.entry import catalog
from koubai.lab.perform.run_result import RunResult


def conclude(
    experiment: Experiment,
    runs: tuple[RunResult, ...],
    *,
    environment: Mapping[str, Any] | None = None,
    seconds: float = 0.0,
    pending: int = 0,
    reused: int = 0,
    stopped_by: str | None = None,
) -> ExperimentResult:
    """Return the result of an experiment with all that can be said of its runs."""
    by_arm: dict[str, list[RunResult]] = {arm.name: [] for arm in experiment.arms}
    for run in runs:
        if run.arm in by_arm:
            by_arm[run.arm].append(run)
    summaries = Summaries(by_arm)
    verdicts = verdicts_of(experiment, summaries)
    result = ExperimentResult(
        experiment=experiment,
        runs=runs,
        summaries=summaries,
        comparisons=compare(experiment, summaries, verdicts),
        verdicts=verdicts,
        sentences=(),
        environment=environment or {},
        seconds=seconds,
        pending=pending,
        reused=reused,
        stopped_by=stopped_by,
    )
    return closing_sentences(result)


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
