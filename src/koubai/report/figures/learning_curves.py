"""Learning curves: a mean with its interval, and a thin line for every seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from koubai.core.params import Array
from koubai.report import measures
from koubai.report.drawing import Drawing
from koubai.report.numbers import MISSING
from koubai.report.palette import GRAY, translucent
from koubai.report.picture import Panel, Picture, Table, join_sentences, thin
from koubai.report.series import Curve, interval_of_mean
from koubai.report.theme import label, log_axis, share_axis, step_axis
from koubai.words import say

_ROWS = 40
_DECADES = 30.0  # ratio of largest to smallest value from which a loss is drawn on a log axis
_FEWEST = 3  # seeds from which a band says something: of two, Student's t makes the whole page
_MANY = 12  # curves in all panels beyond which each panel shows the others behind its own
_BANDS = 7  # curves in one panel beyond which bands and seeds would hide the means


def learning_curves(panels: Sequence[tuple[str, Sequence[Curve]]], measure: str) -> Picture:
    """Draw one measure over training steps; one panel for each (title, curves)."""
    curves = [curve for _, group in panels for curve in group]
    log = _is_log(curves, measure)
    y = _y_axis(curves, measure, log)
    if len(panels) == 1:  # else the heading says it once
        y["title"] = {"text": label(measures.title(measure))}
    behind = curves if len(panels) > 1 and len(curves) > _MANY else []
    drawn = tuple(Panel(title, _draw(group, measure, y, log, behind)) for title, group in panels)
    seeds = max((len(curve.values) for curve in curves), default=0)
    name = measures.title(measure)
    return Picture(
        name=f"curves-{measure}",
        title=say("report.curves.title", measure=name),
        summary=_summary(curves, measure),
        panels=drawn,
        table=_table(panels, measure),
        note=join_sentences(
            [
                say("report.curves.note", seeds=seeds) if seeds > 1 else "",
                say("report.curves.behind") if behind else "",
            ]
        ),
    )


def _draw(
    group: Sequence[Curve], measure: str, y: dict[str, Any], log: bool, behind: Sequence[Curve] = ()
) -> Drawing:
    """Draw curves; those of other panels lie behind them in gray."""
    crowded = len(group) > _BANDS
    height = 300 + 20 * ((len(group) - 1) // 3)
    fig = Drawing(height, yaxis=y, xaxis=step_axis(say("report.axis.steps")))
    for curve in behind:
        if all(curve is not own for own in group):
            gray = {"color": translucent(GRAY, 0.4), "width": 1}
            fig.add(
                "scatter",
                x=curve.steps,
                y=curve.mean,
                mode="lines",
                line=gray,
                hoverinfo="skip",
                showlegend=False,
            )
    for curve in group:
        if not crowded and len(curve.values) > 1:
            if len(curve.values) >= _FEWEST:
                _band(fig, curve, bounded=measures.in_percent(measure), log=log)
            for values in curve.values:
                fig.add(
                    "scatter",
                    x=curve.steps,
                    y=values,
                    mode="lines",
                    line={"color": translucent(curve.style.color, 0.4), "width": 0.8},
                    hoverinfo="skip",
                    showlegend=False,
                )
        fig.add(
            "scatter",
            x=curve.steps,
            y=curve.mean,
            mode="lines+markers" if len(curve.steps) <= 30 else "lines",
            line={"color": curve.style.color, "dash": curve.style.dash, "width": 2.2},
            marker={"symbol": curve.style.symbol, "size": 5},
            name=label(curve.short, 36),
            customdata=[measures.writer(measure)(float(value)) for value in curve.mean],
            hovertemplate="%{x:,}: %{customdata}",
        )
    return fig


def _band(fig: Drawing, curve: Curve, *, bounded: bool, log: bool) -> None:
    low, high = interval_of_mean(curve.values)
    if bounded:
        low, high = low.clip(0, 1), high.clip(0, 1)
    if log:
        low = np.maximum(low, np.where(curve.values > 0, curve.values, np.inf).min(axis=0))
    known = np.isfinite(low) & np.isfinite(high)
    if not known.any():
        return
    x, low, high = curve.steps[known], low[known], high[known]
    fig.add(
        "scatter",
        x=np.concatenate([x, x[::-1]]),
        y=np.concatenate([high, low[::-1]]),
        fill="toself",
        mode="lines",
        line={"width": 0, "color": translucent(curve.style.color, 0.16)},
        fillcolor=translucent(curve.style.color, 0.16),
        hoverinfo="skip",
        showlegend=False,
    )


def _is_log(curves: Sequence[Curve], measure: str) -> bool:
    if measures.in_percent(measure):
        return False
    values = _finite(curves)
    return bool(values.size and values.min() > 0 and values.max() / values.min() > _DECADES)


def _y_axis(curves: Sequence[Curve], measure: str, log: bool) -> dict[str, Any]:
    """Return the axis that all panels share, so that they can be compared."""
    axis: dict[str, Any] = {}
    values = _finite(curves)
    if not values.size:
        return axis
    low, high = float(values.min()), float(values.max())
    if log:
        return log_axis(low, high)
    if measures.in_percent(measure):
        axis |= share_axis(low, high)
        if high - low > 0.5 or measure in measures.WHOLE:
            low, high = min(low, 0.0), max(high, 1.0)
    margin = 0.03 * (high - low) or 0.05
    return axis | {"range": [low - margin, high + margin]}


def _finite(curves: Sequence[Curve]) -> Array:
    values = np.concatenate([curve.values.ravel() for curve in curves]) if curves else np.zeros(0)
    return values[np.isfinite(values)]


def _summary(curves: Sequence[Curve], measure: str) -> str:
    """Say where the curves end."""
    ended = [curve for curve in curves if np.isfinite(curve.last)]
    if not ended:
        return say("report.curves.none", measure=measures.title(measure))
    write = measures.writer(measure)
    best, worst = max(ended, key=lambda curve: curve.last), min(ended, key=lambda curve: curve.last)
    values: dict[str, Any] = {
        "measure": measures.title(measure),
        "steps": int(max(curve.steps[-1] for curve in ended)),
        "highest": best.title,
        "high": write(best.last),
        "lowest": worst.title,
        "low": write(worst.last),
    }
    same = "same" if values["high"] == values["low"] else measures.superlative(measure)
    kind = "one" if len(ended) == 1 else same
    return say(f"report.curves.{kind}", **values)


def _table(panels: Sequence[tuple[str, Sequence[Curve]]], measure: str) -> Table:
    write = measures.writer(measure)
    curves = [curve for _, group in panels for curve in group]
    steps = np.unique(np.concatenate([curve.steps for curve in curves])) if curves else np.zeros(0)
    steps = steps[thin(len(steps), _ROWS)]
    columns = []
    for curve in curves:
        means = dict(zip(curve.steps.tolist(), curve.mean.tolist(), strict=True))
        low, high = interval_of_mean(curve.values)
        ends = dict(zip(curve.steps.tolist(), zip(low.tolist(), high.tolist(), strict=True), strict=True))
        columns.append([_cell(means.get(step), ends.get(step), write) for step in steps.tolist()])
    rows = tuple((f"{step:,}", *cells) for step, *cells in zip(steps.tolist(), *columns, strict=True))
    return Table((say("report.axis.steps"), *(curve.title for curve in curves)), rows)


def _cell(mean: float | None, ends: tuple[float, float] | None, write: Any) -> str:
    if mean is None or not np.isfinite(mean):
        return MISSING
    if ends is None or not np.isfinite(ends).all() or ends[0] == ends[1]:
        return str(write(mean))
    return f"{write(mean)} [{write(ends[0])}, {write(ends[1])}]"
