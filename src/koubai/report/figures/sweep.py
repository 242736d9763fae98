"""A sweep: one measure against a factor that is a number, a line for each level of the other factors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from koubai.core.params import Array
from koubai.report import measures
from koubai.report.drawing import Drawing
from koubai.report.numbers import MISSING, number
from koubai.report.palette import Style, translucent
from koubai.report.picture import Panel, Picture, Table, join_sentences
from koubai.report.theme import label, log_axis, share_axis
from koubai.words import say

_MANY = 1000.0  # ratio of largest to smallest value from which the measure's axis is logarithmic
_WIDE = 40  # columns of an axis's title
_DECADES = 20.0  # ratio of largest to smallest level from which the axis is logarithmic


@dataclass(frozen=True, eq=False)
class Sweep:
    """Mean of a measure at levels (L,), with interval ends (NaN where unknown) and each seed (L, S)."""

    title: str
    style: Style
    levels: Array
    mean: Array
    low: Array
    high: Array
    seeds: Array


def sweep(lines: Sequence[Sweep], factor: str, measure: str) -> Picture:
    """Draw all lines in one panel, over a logarithmic axis where the levels span decades."""
    name = measures.title(measure)
    return Picture(
        name=f"sweep-{measure}",
        title=say("report.sweep.title", measure=name, factor=factor),
        summary=_summary(lines, factor, measure),
        panels=(Panel("", _draw(lines, factor, measure)),),
        table=_table(lines, factor, measure),
        note=say("report.sweep.note"),
    )


def _draw(lines: Sequence[Sweep], factor: str, measure: str) -> Drawing:
    fig = Drawing(340, xaxis=_x_axis(lines, factor), yaxis=_y_axis(lines, measure))
    levels = np.concatenate([line.levels for line in lines])
    ends = (float(levels[levels > 0].min(initial=np.inf)), float(levels.max(initial=0.0)))
    for line in lines:
        if line.levels.any():
            _line(fig, line, measure)
        else:
            _without(fig, line, ends)
    _lost(fig, lines)
    return fig


def _line(fig: Drawing, line: Sweep, measure: str) -> None:
    lowest, highest = (0.0, 1.0) if measures.in_percent(measure) else (-np.inf, np.inf)  # no share is beyond
    fig.add(
        "scatter",
        x=np.repeat(line.levels, line.seeds.shape[1]),
        y=line.seeds.ravel(),
        mode="markers",
        marker={"size": 5, "color": translucent(line.style.color, 0.4), "symbol": line.style.symbol},
        hoverinfo="skip",
        showlegend=False,
    )
    fig.add(
        "scatter",
        x=line.levels,
        y=line.mean,
        mode="lines+markers",
        line={"color": line.style.color, "dash": line.style.dash, "width": 2.2},
        marker={"symbol": line.style.symbol, "size": 8},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": np.nan_to_num(np.minimum(line.high, highest) - line.mean),
            "arrayminus": np.nan_to_num(line.mean - np.maximum(line.low, lowest)),
            "thickness": 1.4,
            "width": 4,
            "color": line.style.color,
        },
        name=label(line.title or measures.title(measure), 36),
        customdata=[measures.writer(measure)(float(value)) for value in line.mean],
        hovertemplate="%{x}: %{customdata}",
    )


def _without(fig: Drawing, line: Sweep, ends: tuple[float, float]) -> None:
    """Draw what has only the level 0, such as no penalty, as a height to hold the others against."""
    fig.add(
        "scatter",
        x=list(ends),
        y=[float(line.mean[0])] * 2,
        mode="lines",
        line={"color": line.style.color, "dash": "dot", "width": 1.6},
        hoverinfo="skip",
        name=label(line.title, 36),
    )


def _lost(fig: Drawing, lines: Sequence[Sweep]) -> None:
    """Mark at the lower edge the levels that gave no number at all."""
    marks = [(level, i) for i, line in enumerate(lines) for level in line.levels[~np.isfinite(line.mean)]]
    if marks:
        fig.add(
            "scatter",
            x=[level for level, _ in marks],
            y=[0.04 + 0.05 * i for _, i in marks],
            yaxis="y2",
            mode="markers",
            marker={"symbol": "x-thin", "size": 10, "line": {"width": 2.4}}
            | {"line": {"width": 2.4, "color": [lines[i].style.color for _, i in marks]}},
            hoverinfo="skip",
            name=say("report.sweep.lost"),
        )
        fig.lay(yaxis2={"overlaying": "y", "range": [0, 1], "visible": False})


def _x_axis(lines: Sequence[Sweep], factor: str) -> dict[str, Any]:
    levels = np.unique(np.concatenate([line.levels for line in lines if line.levels.any()]))
    title = {"title": {"text": label(factor)}}
    if levels.size and levels[0] > 0 and levels[-1] / levels[0] >= _DECADES:
        return title | log_axis(float(levels[0]), float(levels[-1]), margin=0.03)
    return title


def _y_axis(lines: Sequence[Sweep], measure: str) -> dict[str, Any]:
    """Return percent for shares, else decades where numbers span so many that most would look 0."""
    title = {"title": {"text": label(measures.title(measure), _WIDE)}}
    seen = np.concatenate([line.seeds.ravel() for line in lines])
    seen = seen[np.isfinite(seen)]
    if measures.in_percent(measure):
        return title | share_axis(float(seen.min(initial=1.0)), float(seen.max(initial=0.0)))
    if seen.size and seen.min() > 0 and seen.max() / seen.min() > _MANY:
        return title | log_axis(float(seen.min()), float(seen.max()))
    return title


def _summary(lines: Sequence[Sweep], factor: str, measure: str) -> str:
    write, lower = measures.writer(measure), measures.lower_is_better(measure)
    if measure == "gap":
        write = partial(measures.said, measure)
    sentences = []
    for line in lines:
        if np.isfinite(line.mean).any():
            best = int(np.nanargmin(line.mean) if lower else np.nanargmax(line.mean))
            values = {
                "line": line.title or measures.title(measure),
                "factor": factor,
                "level": number(float(line.levels[best])),
                "value": write(float(line.mean[best])),
                "low": write(float(np.nanmin(line.mean))),
                "high": write(float(np.nanmax(line.mean))),
            }
            judged = lower or measure.endswith("accuracy")
            kind = ("lowest" if lower else "highest") if judged else "range"
            sentences.append(say(f"report.sweep.{kind}", **values))
    return join_sentences(sentences) or say("report.outcomes.none")


def _table(lines: Sequence[Sweep], factor: str, measure: str) -> Table:
    write = measures.writer(measure)
    levels = np.unique(np.concatenate([line.levels for line in lines])) if lines else np.zeros(0)
    rows = []
    for level in levels:
        cells = []
        for line in lines:
            at = np.flatnonzero(line.levels == level)
            cells.append(_cell(line, int(at[0]), write) if at.size else MISSING)
        rows.append((number(float(level)), *cells))
    titles = tuple(line.title or measures.title(measure) for line in lines)
    return Table((factor, *titles), tuple(rows))


def _cell(line: Sweep, i: int, write: Callable[[float | None], str]) -> str:
    mean, low, high = (write(float(values[i])) for values in (line.mean, line.low, line.high))
    return f"{mean} [{low}, {high}]" if line.low[i] < line.high[i] else mean
