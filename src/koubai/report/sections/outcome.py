"""What came out: arms compared in the experiment's measure, and the statistics behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import isfinite

import numpy as np

from koubai.core.statistics import Interval
from koubai.lab.result import ArmSummary, ExperimentResult
from koubai.report import measures
from koubai.report.arms import numeric_axis, views
from koubai.report.figures.gap import Gap, gap
from koubai.report.figures.outcomes import Outcome, outcomes
from koubai.report.figures.sweep import Sweep, sweep
from koubai.report.numbers import MISSING, number, points, seconds
from koubai.report.page import Section, TitledTable
from koubai.report.palette import style
from koubai.report.picture import Picture, Table
from koubai.words import say


def outcome_section(result: ExperimentResult, lang: str | None = None) -> Section:
    """Return the dots, the sweep where a factor is a number, the gap, and the tables of statistics."""
    experiment = result.experiment
    pictures = [_outcomes(result, lang), *_sweeps(result, lang), *_gap(result, lang)]
    tables = [_statistics(result, lang), *_comparisons(result, lang)]
    return Section(
        "outcome",
        say("report.section.outcome", lang),
        pictures=tuple(pictures) if result.runs else (),
        tables=tuple(tables)
        if any((arm.name, experiment.measure) in result.summaries for arm in experiment.arms)
        else (),
    )


def _outcomes(result: ExperimentResult, lang: str | None) -> Picture:
    experiment = result.experiment
    rows = []
    for arm in experiment.arms:
        summary = result.summary(arm.name)
        interval = _bounded(summary.interval if summary else None, experiment.measure)
        published = arm.published
        rows.append(
            Outcome(
                title=arm.title(lang),
                values=dict(summary.values) if summary else {},
                mean=summary.mean if summary else float("nan"),
                low=interval.low if interval else None,
                high=interval.high if interval else None,
                notes=_notes(result, arm.name, lang),
                published=(published.mean, published.sd or 0.0)
                if published and experiment.measure == "test_accuracy"
                else None,
            )
        )
    return outcomes(rows, experiment.measure, chance=_chance(result), lang=lang)


def _bounded(interval: Interval | None, measure: str) -> Interval | None:
    """Return an interval without what no accuracy can be."""
    if interval is None or not measure.endswith("accuracy"):
        return interval
    return replace(interval, low=max(interval.low, 0.0), high=min(interval.high, 1.0))


def _notes(result: ExperimentResult, arm: str, lang: str | None) -> tuple[str, ...]:
    """Say how many runs of an arm collapsed and how many gave no number."""
    runs = result.of(arm)
    counts = {"collapsed": sum(run.collapsed for run in runs), "lost": len(runs) - _numbers(result, arm)}
    return tuple(
        say(f"report.outcomes.{name}", lang, count=count, n=len(runs))
        for name, count in counts.items()
        if count
    )


def _numbers(result: ExperimentResult, arm: str) -> int:
    summary = result.summary(arm)
    return summary.n if summary else 0


def _chance(result: ExperimentResult) -> float | None:
    """Return the score of always answering the most frequent class, for accuracies."""
    found = [run.scores["chance"] for run in result.runs if "chance" in run.scores]
    return found[0] if found and result.experiment.measure.endswith("accuracy") else None


def _gap(result: ExperimentResult, lang: str | None) -> list[Picture]:
    rows = []
    for arm in result.experiment.arms:
        train, test = (result.summary(arm.name, f"{part}_accuracy") for part in ("train", "test"))
        if train and test:
            rows.append(Gap(arm.title(lang), train.mean, test.mean))
    return [gap(rows, lang=lang)] if rows else []


def _sweeps(result: ExperimentResult, lang: str | None) -> list[Picture]:
    """Return the measure against the factor that is a number, a line for each combination of the others."""
    experiment = result.experiment
    axis = numeric_axis(experiment.arms)
    if axis is None:
        return []
    lines: dict[str, list[tuple[float, ArmSummary | None]]] = {}
    for arm in experiment.arms:
        summary = result.summary(arm.name)
        if result.of(arm.name):
            rest = ", ".join(level for name, level in arm.factors.items() if name != axis)
            lines.setdefault(rest, []).append((float(arm.factors[axis]), summary))
    drawn = [_line(i, title, found, experiment.measure) for i, (title, found) in enumerate(lines.items())]
    return [sweep(drawn, _factor(axis), experiment.measure, lang=lang)] if drawn else []


def _factor(path: str) -> str:
    """Return the last word of a dotted path as a name."""
    return path.rsplit(".", 1)[-1].replace("_", " ")


def _line(i: int, title: str, found: list[tuple[float, ArmSummary | None]], measure: str) -> Sweep:
    """Return one line; a level at which no run gave a number stays, as NaN."""
    found = sorted(found, key=lambda point: point[0])
    seeds = np.full((len(found), max(summary.n if summary else 0 for _, summary in found)), np.nan)
    unknown = Interval(np.nan, np.nan, "none")
    ends = []
    for row, (_, summary) in zip(seeds, found, strict=True):
        row[: summary.n if summary else 0] = list(summary.values.values()) if summary else []
        ends.append((_bounded(summary.interval, measure) if summary else None) or unknown)
    return Sweep(
        title=title,
        style=style(i),
        levels=np.array([level for level, _ in found]),
        mean=np.array([summary.mean if summary else np.nan for _, summary in found]),
        low=np.array([end.low for end in ends]),
        high=np.array([end.high for end in ends]),
        seeds=seeds,
    )


def _statistics(result: ExperimentResult, lang: str | None) -> TitledTable:
    measure = result.experiment.measure
    write = measures.writer(measure)
    heads = ("mean", "interval", "sd", "iqm", "seeds", "collapsed", "lost", "published", "seconds")
    rows = []
    for view, arm in zip(views(result.experiment.arms, lang), result.experiment.arms, strict=True):
        summary = result.summary(arm.name)
        if summary is None:
            runs = result.of(arm.name)
            counts = ("0", str(sum(run.collapsed for run in runs)), str(len(runs)))
            rows.append((view.title, *(MISSING,) * 4, *counts, *(MISSING,) * 2))
            continue
        interval, published = _bounded(summary.interval, measure), arm.published
        rows.append(
            (
                view.title,
                write(summary.mean),
                _interval(interval, write),
                write(summary.sd) if summary.n > 1 else MISSING,
                write(summary.iqm),
                str(summary.n),
                str(summary.collapsed),
                str(summary.lost),
                f"{write(published.mean)} ± {write(published.sd)} (n {published.n})"
                if published
                else MISSING,
                seconds(summary.seconds),
            )
        )
    keep = [
        i
        for i, head in enumerate(heads)
        if head not in ("collapsed", "lost", "published") or _says(rows, i + 1)
    ]
    columns = (say("report.axis.arm", lang), *(say(f"report.statistics.{heads[i]}", lang) for i in keep))
    title = say("report.statistics.title", lang, measure=measures.title(measure, lang))
    kept = tuple((row[0], *(row[i + 1] for i in keep)) for row in rows)
    return TitledTable(title, Table(columns, kept), say("report.statistics.note", lang))


def _says(rows: Sequence[tuple[str, ...]], column: int) -> bool:
    return any(row[column] not in ("0", MISSING) for row in rows)


def _interval(interval: Interval | None, write: Callable[[float | None], str]) -> str:
    if interval is None:
        return MISSING
    low, high = write(interval.low), write(interval.high)
    return low if interval.low == interval.high else f"{low} … {high}"


def _comparisons(result: ExperimentResult, lang: str | None) -> list[TitledTable]:
    if all(row.pairs < 2 for row in result.comparisons):
        return []
    arms, share = result.arms, measures.is_share(result.experiment.measure)
    write = points if share else number
    rows = tuple(
        (
            arms[row.arm].title(lang),
            ("+" if row.difference > 0 else "") + write(row.difference),
            _interval(row.interval, write),
            str(row.pairs),
            _p(row.p),
            _p(row.p_holm),
        )
        for row in result.comparisons
    )
    heads = ("difference", "interval", "pairs", "p", "p_holm")
    columns = (say("report.axis.arm", lang), *(say(f"report.statistics.{head}", lang) for head in heads))
    if share:
        columns = (columns[0], say("report.statistics.points", lang), *columns[2:])
    title = say("report.comparisons.title", lang, baseline=result.experiment.reference.title(lang))
    return [TitledTable(title, Table(columns, rows), say("report.comparisons.note", lang))]


def _p(value: float) -> str:
    return number(value, 2) if isfinite(value) else MISSING
