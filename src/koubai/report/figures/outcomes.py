"""Arms compared: a dot for every seed, the mean, its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from koubai.report import measures
from koubai.report.drawing import Drawing
from koubai.report.numbers import MISSING
from koubai.report.palette import BLUE, GRAY, VERMILION, translucent
from koubai.report.picture import Panel, Picture, Table
from koubai.report.theme import label, log_axis, row_axis, row_texts, share_axis
from koubai.words import say

_DECADES = 30.0  # ratio of largest to smallest value from which the axis is logarithmic
_SPREAD = 0.16  # height over which the seeds of one arm are spread, in rows


@dataclass(frozen=True)
class ArmOutcome:
    """One measure of one arm: its seeds, mean and interval, and what is to be said beside it.

    `published` is (mean, sd) of others' runs.
    """

    title: str
    values: Mapping[int, float]
    mean: float
    low: float | None = None
    high: float | None = None
    notes: tuple[str, ...] = ()
    published: tuple[float, float] | None = None


def outcomes(arms: Sequence[ArmOutcome], measure: str, *, chance: float | None = None) -> Picture:
    """Draw one row per arm in the given order; `chance` is drawn as a line where it is known."""
    name = measures.title(measure)
    return Picture(
        name=f"outcomes-{measure}",
        title=say("report.outcomes.title", measure=name),
        summary=_summary(arms, measure),
        panels=(Panel("", _draw(arms, measure, chance)),),
        table=_table(arms, measure),
        note=_note(arms),
    )


def _draw(arms: Sequence[ArmOutcome], measure: str, chance: float | None) -> Drawing:
    write = measures.writer(measure)
    x = {"title": {"text": label(measures.title(measure))}} | _x_axis(arms, measure)
    fig = Drawing(
        128 + 42 * len(arms),
        xaxis=x,
        yaxis=row_axis([arm.title for arm in arms]),
        legend={"traceorder": "normal"},
        **row_texts(["\n".join((write(arm.mean) if arm.values else MISSING, *arm.notes)) for arm in arms]),
    )
    if chance is not None:
        fig.cross(x=chance, line={"color": GRAY, "width": 1, "dash": "dot"})
        fig.add(
            "scatter",
            x=[None],
            y=[None],
            mode="lines",
            line={"color": GRAY, "width": 1, "dash": "dot"},
            name=say("report.outcomes.chance"),
        )
    _published(fig, arms)
    if _most_seeds(arms) > 1:
        _seeds(fig, arms, measure)
    _means(fig, arms, measure)
    return fig


def _x_axis(arms: Sequence[ArmOutcome], measure: str) -> dict[str, Any]:
    """Return the whole scale of a share where arms lie far apart, decades where a number spans them."""
    values = [value for arm in arms for value in arm.values.values()]
    low, high = min(values, default=0.0), max(values, default=1.0)
    if not measures.in_percent(measure):
        return log_axis(low, high) if low > 0 and high / low > _DECADES else {}
    if low >= 0 and high - low > 0.4:
        return {"tickformat": ".0%", "range": [-0.01, max(1.01, 1.02 * high)]}
    if high - low < 0.02:
        return {"tickformat": ".1%", "range": [low - 0.02, high + 0.02]}
    return share_axis(low, high)


def _seeds(fig: Drawing, arms: Sequence[ArmOutcome], measure: str) -> None:
    write = measures.writer(measure)
    dots = [
        (value, i + _SPREAD * (1 + (2 * k / max(len(arm.values) - 1, 1) - 1) * 0.6), seed)
        for i, arm in enumerate(arms)
        for k, (seed, value) in enumerate(sorted(arm.values.items()))
    ]
    fig.add(
        "scatter",
        x=[value for value, _, _ in dots],
        y=[row for _, row, _ in dots],
        mode="markers",
        marker={"size": 7, "color": translucent(BLUE, 0.4), "symbol": "circle"},
        customdata=[f"{write(value)} ({say('report.axis.seed')} {seed})" for value, _, seed in dots],
        hovertemplate="%{customdata}<extra></extra>",
        name=say("report.outcomes.seed"),
    )


def _means(fig: Drawing, arms: Sequence[ArmOutcome], measure: str) -> None:
    write = measures.writer(measure)
    known = [(i, arm) for i, arm in enumerate(arms) if arm.values]
    fig.add(
        "scatter",
        x=[arm.mean for _, arm in known],
        y=[i - _SPREAD for i, _ in known],
        mode="markers",
        marker={"size": 9, "color": BLUE, "symbol": "diamond"},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [max((arm.mean if arm.high is None else arm.high) - arm.mean, 0) for _, arm in known],
            "arrayminus": [max(arm.mean - (arm.mean if arm.low is None else arm.low), 0) for _, arm in known],
            "thickness": 2,
            "width": 5,
            "color": BLUE,
        },
        customdata=[interval_text(arm, write) for _, arm in known],
        hovertemplate="%{customdata}<extra></extra>",
        name=say(f"report.outcomes.{'mean' if _most_seeds(arms) > 1 else 'single'}"),
    )


def _published(fig: Drawing, arms: Sequence[ArmOutcome]) -> None:
    others = [(i, arm.published) for i, arm in enumerate(arms) if arm.published is not None]
    if others:
        fig.add(
            "scatter",
            x=[mean for _, (mean, _) in others],
            y=[i - _SPREAD for i, _ in others],
            mode="markers",
            marker={"size": 13, "symbol": "circle-open", "color": VERMILION, "line": {"width": 1.6}},
            error_x={
                "type": "data",
                "array": [2 * sd for _, (_, sd) in others],
                "color": VERMILION,
                "width": 3,
            },
            hoverinfo="skip",
            name=say("report.outcomes.published"),
        )


def interval_text(arm: ArmOutcome, write: Any) -> str:
    """Return 'mean [low, high]', or the mean alone where there is no interval."""
    if not arm.values:
        return MISSING
    if arm.low is None or arm.high is None or arm.low == arm.high:
        return str(write(arm.mean))
    return f"{write(arm.mean)} [{write(arm.low)}, {write(arm.high)}]"


def _summary(arms: Sequence[ArmOutcome], measure: str) -> str:
    known = [arm for arm in arms if arm.values]
    if not known:
        return say("report.outcomes.none")
    write = measures.writer(measure)
    best, worst = max(known, key=lambda arm: arm.mean), min(known, key=lambda arm: arm.mean)
    values = {
        "measure": measures.title(measure),
        "highest": best.title,
        "high": interval_text(best, write),
        "lowest": worst.title,
        "low": interval_text(worst, write),
    }
    kind = "one" if len(known) == 1 else measures.superlative(measure)
    return say(f"report.outcomes.{kind}", **values)


def _note(arms: Sequence[ArmOutcome]) -> str:
    seeds = _most_seeds(arms)
    return say("report.outcomes.note", seeds=seeds) if seeds > 1 else ""


def _most_seeds(arms: Sequence[ArmOutcome]) -> int:
    return max((len(arm.values) for arm in arms), default=0)


def _table(arms: Sequence[ArmOutcome], measure: str) -> Table:
    write = measures.writer(measure)
    seeds = sorted({seed for arm in arms for seed in arm.values})
    columns = (
        say("report.axis.arm"),
        measures.title(measure),
        *(f"{say('report.axis.seed')} {seed}" for seed in seeds),
    )
    rows = tuple(
        (arm.title, interval_text(arm, write), *(write(arm.values.get(seed)) for seed in seeds))
        for arm in arms
    )
    return Table(columns, rows)
