"""How it was made: the recipe, what the arms change in it, every run, the environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from koubai.lab.conclude.result import ExperimentResult
from koubai.lab.perform.run_result import RunResult
from koubai.layers.sequential import Sequential
from koubai.report import measures
from koubai.report.crowd import fold_note, folded
from koubai.report.numbers import number, seconds
from koubai.report.page import Section, TitledTable
from koubai.report.picture import Table
from koubai.words import say

_MOST_COLUMNS = 6


def recipe_section(result: ExperimentResult) -> Section:
    """Return the base recipe and what every arm changes in it."""
    experiment = result.experiment
    several = len(experiment.arms) > 1
    title = say(f"report.recipe.{'base' if several else 'single'}")
    tables = [settings_table(title, experiment.base)]
    if any(arm.edits for arm in experiment.arms):
        tables.insert(0, _differences(result))
    name = say("report.section.recipe" if several else "report.recipe.single")
    return Section("recipe", name, tables=tuple(tables))


def settings_table(title: str, plan: Any) -> TitledTable:
    """Return the fields of a recipe, or of another plan, as rows."""
    rows = tuple((field.name, written(getattr(plan, field.name))) for field in fields(plan) if field.repr)
    columns = (say("report.recipe.setting"), say("report.recipe.value"))
    return TitledTable(title, Table(columns, rows, text=1))


def _differences(result: ExperimentResult) -> TitledTable:
    """Return arms by settings where there are few, else one row for every change."""
    experiment, note = folded(result).experiment, fold_note(result)
    paths = list(dict.fromkeys(path for arm in experiment.arms for path in arm.edits))
    title, arm_head = say("report.recipe.differences"), say("report.axis.arm")
    if len(paths) <= _MOST_COLUMNS:
        rows = []
        for arm in experiment.arms:
            plan = experiment.plan(arm, experiment.seeds[0])
            rows.append((arm.title(), *(written(_at(plan, path)) for path in paths), arm.defect or ""))
        columns = (arm_head, *paths, say("report.recipe.defect"))
        if not any(row[-1] for row in rows):
            rows, columns = [row[:-1] for row in rows], columns[:-1]
        return TitledTable(title, Table(columns, tuple(rows), text=len(columns) - 1), note)
    columns = (arm_head, say("report.recipe.setting"), say("report.recipe.value"))
    changes = tuple(
        (arm.title(), path, written(value)) for arm in experiment.arms for path, value in arm.edits.items()
    )
    return TitledTable(title, Table(columns, changes, headings=2, text=1), note)


def _at(plan: Any, path: str) -> Any:
    """Return what stands at a dotted path of a plan, or nothing where this arm's plan has no such place."""
    for part in path.replace("__", ".").split("."):
        try:
            plan = plan[int(part)] if part.isdigit() else getattr(plan, part)
        except (AttributeError, IndexError, TypeError, KeyError):
            return None
    return plan


def written(value: Any) -> str:
    """Return a setting as a reader writes it: every number, and whatever is not as usual.

    >>> from koubai.layers import Linear, ReLU, Sequential
    >>> written(Sequential(Linear(40), ReLU())), written((1, 2)), written(0.1), written(None)
    ('Sequential(Linear(out_features=40) → ReLU())', '1, 2', '0.1', '–')
    """
    if value is None:
        return number(None)
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple | list):
        return ", ".join(written(item) for item in value) or number(None)
    if is_dataclass(value) and not isinstance(value, type):
        return f"{type(value).__name__}({', '.join(_said(value))})"
    return str(value)


def _said(value: Any) -> list[str]:
    if isinstance(value, Sequential):
        return [" → ".join(map(written, value.layers))]
    return [
        f"{field.name}={written(item)}"
        for field in fields(value)
        for item in [getattr(value, field.name)]
        if field.repr and ((isinstance(item, int | float) and item is not True) or item != field.default)
    ]


def run_section(whole: ExperimentResult) -> Section:
    """Return every run: its outcome, its time, how it ended and the key that names it."""
    result = folded(whole)
    measure = result.experiment.measure
    write = measures.writer(measure)
    rows = tuple(
        (
            result.arms[run.arm].title(),
            _ending(run),
            str(run.seed),
            write(run.scores.get(measure)),
            run.engine,
            seconds(run.seconds),
            run.key,
        )
        for arm in result.experiment.arms
        for run in result.of(arm.name)
    )
    heads = ("engine", "seconds", "key")
    columns = (
        say("report.axis.arm"),
        say("report.runs.ending"),
        say("report.axis.seed"),
        measures.title(measure),
        *(say(f"report.runs.{head}") for head in heads),
    )
    table = TitledTable(say("report.runs.title"), Table(columns, rows, text=1), fold_note(whole))
    return Section("runs", say("report.section.runs"), tables=(table,) if rows else ())


def _ending(run: RunResult) -> str:
    if run.failure is not None:
        return say("report.runs.failed", failure=run.failure)
    if run.stopped_by == "not finite":
        return say("report.runs.diverged")
    if run.stopped_by:
        return say("report.runs.stopped", why=run.stopped_by)
    return say(f"report.runs.{'collapsed' if run.collapsed else 'finished'}")


def environment_section(environment: Mapping[str, Any]) -> Section:
    """Return versions, machine, threads, engine and data as rows."""
    rows = tuple((name, text) for name, text in _flat(environment) if text)
    columns = (say("report.environment.item"), say("report.recipe.value"))
    table = TitledTable(say("report.environment.title"), Table(columns, rows, text=1))
    return Section("environment", say("report.section.environment"), tables=(table,) if rows else ())


def _flat(value: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, item in value.items():
        if isinstance(item, Mapping):
            rows += _flat(item, f"{prefix}{name} ")
        elif isinstance(item, Sequence) and not isinstance(item, str):
            rows.append((f"{prefix}{name}", ", ".join(map(str, item))))
        else:
            rows.append((f"{prefix}{name}", "" if item is None else str(item)))
    return rows
