"""What came out: arms compared in the experiment's measure, and the statistics behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import isfinite

from koubai.core.statistics import Interval
from koubai.lab.conclude.power import Family
from koubai.lab.conclude.result import ExperimentResult
from koubai.report import measures
from koubai.report.crowd import fold_note, folded, means_of
from koubai.report.figures.crowd import crowd
from koubai.report.figures.gap import Gap, gap
from koubai.report.figures.outcomes import ArmOutcome, outcomes
from koubai.report.numbers import MISSING, number, points, seconds
from koubai.report.page import Section, TitledTable
from koubai.report.picture import Picture, Table, join_sentences
from koubai.report.sections.sweeps import rates, regularization, sweeps
from koubai.words import say

_CROWD = 12  # arms
_RARE = ("collapsed", "lost", "published")  # columns that are shown only where they say something


def outcome_section(result: ExperimentResult) -> Section:
    """Return the dots of every measure in question, sweeps, the gap, and the tables of statistics."""
    experiment = result.experiment
    asked = measures_in_question(result)
    paths = regularization(result)
    crowded = len(experiment.arms) > _CROWD  # then rows of dots are too many to read, and lines say it all
    drawn = [measure for measure in asked if not (paths and measure == "weight_norm")]
    swept = sweeps(result, list(dict.fromkeys([*drawn, "gap"])) if crowded else drawn)
    dotted = asked[:1] if swept else [measure for measure in asked if measure != "gap"]
    dots = [_outcomes(result, measure) for measure in dotted]
    if swept and crowded:
        pictures = [*swept[:1], *paths, *swept[1:]]
    else:
        pictures = [*dots[:1], *paths, *swept, *_gap(result), *dots[1:]]
    pictures = [*rates(result), *pictures, *_crowd(result)]
    known = any(result.summary(arm.name) for arm in experiment.arms)
    return Section(
        "outcome",
        say("report.section.outcome"),
        pictures=tuple(pictures) if result.runs else (),
        tables=(_statistics(result), *_comparisons(result)) if known else (),
    )


def measures_in_question(result: ExperimentResult) -> list[str]:
    """Return the experiment's measure and those its claims are about."""
    experiment = result.experiment
    asked = dict.fromkeys((experiment.measure, *(claim.measure for claim in experiment.claims)))
    return [measure for measure in asked if any(name == measure for _, name in result.summaries)]


def _crowd(result: ExperimentResult) -> list[Picture]:
    """Return how all arms are spread, where not all of them are listed."""
    means = means_of(result)
    if not fold_note(result) or not any(map(isfinite, means.values())):
        return []
    titled = {result.arms[name].title(): mean for name, mean in means.items()}
    return [crowd(titled, result.experiment.measure, means[result.experiment.reference.name])]


def _outcomes(whole: ExperimentResult, measure: str) -> Picture:
    result, rows = folded(whole), []
    for arm in result.experiment.arms:
        summary = result.summary(arm.name, measure)
        interval = summary.interval if summary else None
        published = arm.published
        rows.append(
            ArmOutcome(
                title=arm.title(),
                values=dict(summary.values) if summary else {},
                mean=summary.mean if summary else float("nan"),
                low=interval.low if interval else None,
                high=interval.high if interval else None,
                notes=_notes(result, arm.name, measure),
                published=(published.mean, published.sd or 0.0)
                if published and measure == "test_accuracy"
                else None,
            )
        )
    return _of_a_crowd(outcomes(rows, measure, chance=_chance(result, measure)), whole)


def _of_a_crowd(picture: Picture, whole: ExperimentResult) -> Picture:
    """Return the picture of those arms that are listed, with what is said of that."""
    return replace(picture, note=join_sentences([fold_note(whole), picture.note]))


def _notes(result: ExperimentResult, arm: str, measure: str) -> tuple[str, ...]:
    """Say how many runs of an arm collapsed and how many gave no number."""
    runs, summary = result.of(arm), result.summary(arm, measure)
    counts = {
        "collapsed": sum(run.collapsed for run in runs),
        "lost": len(runs) - (summary.n if summary else 0),
    }
    found = [(name, count) for name, count in counts.items() if count]
    return tuple(say(f"report.outcomes.{name}", count=count, n=len(runs)) for name, count in found)


def _chance(result: ExperimentResult, measure: str) -> float | None:
    """Return the score of always answering the most frequent class, for accuracies."""
    found = [run.scores["chance"] for run in result.runs if "chance" in run.scores]
    return found[0] if found and measure.endswith("accuracy") else None


def _gap(whole: ExperimentResult) -> list[Picture]:
    result, rows = folded(whole), []
    for arm in result.experiment.arms:
        train, test = (result.summary(arm.name, f"{part}_accuracy") for part in ("train", "test"))
        if train and test:
            rows.append(Gap(arm.title(), train.mean, test.mean))
    return [_of_a_crowd(gap(rows), whole)] if rows else []


def _statistics(whole: ExperimentResult) -> TitledTable:
    result, measure = folded(whole), whole.experiment.measure
    write = measures.writer(measure)
    heads = ("mean", "interval", "sd", "iqm", "seeds", "collapsed", "lost", "published", "seconds")
    rows = []
    for arm in result.experiment.arms:
        summary = result.summary(arm.name)
        if summary is None:
            runs = result.of(arm.name)
            counts = ("0", str(sum(run.collapsed for run in runs)), str(len(runs)))
            rows.append((arm.title(), *(MISSING,) * 4, *counts, *(MISSING,) * 2))
            continue
        published = arm.published
        rows.append(
            (
                arm.title(),
                write(summary.mean),
                _interval(summary.interval, write),
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
    single = all(row[heads.index("sd") + 1] == MISSING for row in rows)
    hidden = {"interval", "sd", "iqm"} if single else set()
    hidden |= {head for i, head in enumerate(heads) if head in _RARE and not _says(rows, i + 1)}
    keep = [i for i, head in enumerate(heads) if head not in hidden]
    columns = (say("report.axis.arm"), *(say(f"report.statistics.{heads[i]}") for i in keep))
    title = say("report.statistics.title", measure=measures.title(measure))
    kept = tuple((row[0], *(row[i + 1] for i in keep)) for row in rows)
    startup = sum(run.startup for run in whole.runs)
    notes = [fold_note(whole), say("report.statistics.note")]
    if startup:
        notes.append(say("report.statistics.startup", startup=seconds(startup)))
    return TitledTable(title, Table(columns, kept), join_sentences(notes))


def _says(rows: Sequence[tuple[str, ...]], column: int) -> bool:
    return any(row[column] not in ("0", MISSING) for row in rows)


def _interval(interval: Interval | None, write: Callable[[float | None], str]) -> str:
    if interval is None:
        return MISSING
    low, high = write(interval.low), write(interval.high)
    return low if interval.low == interval.high else f"{low} … {high}"


def _comparisons(whole: ExperimentResult) -> list[TitledTable]:
    if all(row.pairs < 2 for row in whole.comparisons):
        return []
    result = folded(whole)
    arms, share = result.arms, measures.in_percent(result.experiment.measure)
    write = points if share else number
    families = {row.family for row in result.comparisons}
    rows = tuple(
        (
            arms[row.arm].title(),
            ("+" if row.difference > 0 else "") + write(row.difference),
            _interval(row.interval, write),
            str(row.pairs),
            *([say(f"report.comparisons.{row.family}")] if len(families) > 1 else []),
            _p(row.p),
            _p(row.p_holm),
        )
        for row in result.comparisons
    )
    heads = (
        "statistics.points" if share else "statistics.difference",
        "statistics.interval",
        "statistics.pairs",
        *(["comparisons.family"] if len(families) > 1 else []),
        "statistics.p",
        "statistics.p_holm",
    )
    columns = (say("report.axis.arm"), *(say(f"report.{head}") for head in heads))
    title = say("report.comparisons.title", baseline=result.experiment.reference.title())
    return [
        TitledTable(title, Table(columns, rows), join_sentences([fold_note(whole), _family_notes(whole)]))
    ]


def _family_notes(result: ExperimentResult) -> str:
    """Say which rows are tested together, how, and whether so few pairs can decide anything."""
    others = [row.pairs for row in result.comparisons if row.family == "others"]
    notes = []
    if len(others) < len(result.comparisons):
        notes.append(say("report.comparisons.note_claims"))
    if others:
        notes.append(say("report.comparisons.note_others", count=len(others)))
        family = Family("others", len(others), max(others), tails=2)
        if not family.decides:
            least = number(family.least, 2)
            notes.append(say("report.comparisons.note_idle", pairs=family.pairs, least=least))
    return " ".join(notes)


def _p(value: float) -> str:
    return number(value, 2) if isfinite(value) else MISSING
