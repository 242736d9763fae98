"""The page that sets loose runs side by side: how they ended, how they learned, and in what they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from koubai.core.errors import KoubaiError
from koubai.lab.closing import conclude
from koubai.lab.conclude.result import ExperimentResult
from koubai.lab.declare.experiment import Arm, Experiment, Text
from koubai.lab.perform.run_result import RunResult
from koubai.report.run import RunRecord
from koubai.train.recipe import Recipe
from koubai.words import LANGUAGES, say


def side_by_side(records: Sequence[RunRecord]) -> ExperimentResult:
    """Return runs as an experiment of one arm each, of which the first is what the others are held against.

    One run an arm has no interval, so nothing is claimed.

    Raises:
        KoubaiError: fewer than two runs.
    """
    if len(records) < 2:
        raise KoubaiError("comparison_needs_two_runs", got=len(records))
    names = _names(records)
    base = records[0].recipe
    arms = tuple(Arm(name, _edits(base, record.recipe)) for name, record in zip(names, records, strict=True))
    runs = tuple(_run(name, record) for name, record in zip(names, records, strict=True))
    experiment = Experiment(
        "compare",
        base,
        arms,
        question=Text(*(say("report.compare.question", lang, count=len(names)) for lang in LANGUAGES)),
        seeds=(base.seed,),
        measure=_measure(runs),
    )
    result = conclude(experiment, runs, environment=_environment([record.environment for record in records]))
    return replace(result, comparisons=())


def _environment(each: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the runs were made with; what differs stands there once a run, in their order."""
    found: dict[str, Any] = {}
    for name in dict.fromkeys(name for one in each for name in one):
        values = [one.get(name) for one in each]
        if all(isinstance(value, Mapping | None) for value in values):
            found[name] = _environment([value or {} for value in values])
        elif all(value == values[0] for value in values):
            found[name] = values[0]
        else:
            found[name] = " / ".join("–" if value is None else str(value) for value in values)
    return found


def _names(records: Sequence[RunRecord]) -> list[str]:
    """Return the runs' names; equal ones are numbered."""
    names: list[str] = []
    for record in records:
        taken = sum(name == record.name or name.startswith(f"{record.name} (") for name in names)
        names.append(f"{record.name} ({taken + 1})" if taken else record.name)
    return names


def _edits(base: Recipe, other: Recipe) -> dict[str, object]:
    """Return what turns one recipe into another, field by field."""
    return {
        field.name: getattr(other, field.name)
        for field in fields(base)
        if getattr(other, field.name) != getattr(base, field.name)
    }


def _run(name: str, record: RunRecord) -> RunResult:
    scores: dict[str, float] = {}
    for part, score in record.scores.items():
        scores[f"{part}_loss"] = score.loss
        if score.accuracy is not None:
            scores[f"{part}_accuracy"] = score.accuracy
    if {"train_accuracy", "test_accuracy"} <= set(scores):
        scores["gap"] = scores["train_accuracy"] - scores["test_accuracy"]
    recipe = record.recipe
    return RunResult(
        name, recipe.seed, recipe.hash, recipe.hash, scores, record.history, record.seconds,
        stopped_by=record.stopped_by,
    )  # fmt: skip


def _measure(runs: Sequence[RunResult]) -> str:
    """Return the accuracy on the test part where every run has one, else its loss."""
    return "test_accuracy" if all("test_accuracy" in run.scores for run in runs) else "test_loss"
