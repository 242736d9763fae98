"""Gradient size of every layer over training, as a heat map with a logarithmic color scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from koubai.core.params import Array
from koubai.report.drawing import Drawing
from koubai.report.numbers import decades, number
from koubai.report.picture import Panel, Picture, Table, place, thin
from koubai.report.theme import TEXT, label, step_axis
from koubai.words import say

_ROWS = 12


@dataclass(frozen=True, eq=False)
class LayerTrace:
    """Gradient size `values` (L, T) of layers in forward order at `steps` (T,), of one arm."""

    title: str
    layers: tuple[str, ...]
    steps: Array
    values: Array


def gradient_heatmap(traces: Sequence[LayerTrace]) -> Picture:
    """Draw one heat map an arm, all on one color scale; the layer next to the input lies at the bottom."""
    low, high = _range(traces)
    return Picture(
        name="gradient-over-steps",
        title=say("report.heatmap.title"),
        summary=_summary(traces),
        panels=tuple(Panel(trace.title, _draw(trace, low, high)) for trace in traces),
        table=_table(traces),
        note=say("report.heatmap.note"),
    )


def _draw(trace: LayerTrace, low: float, high: float) -> Drawing:
    ticks = np.arange(np.ceil(low), np.floor(high) + 1, max(1, np.ceil((high - low) / 4)))
    if len(ticks) < 2:
        ticks = np.linspace(low, high, 3)
    fig = Drawing(
        90 + 34 * max(len(trace.layers), 3),
        xaxis=step_axis(say("report.axis.steps")) | {"showline": False},
        yaxis={"type": "category", "showline": False, "ticks": "", "ticklabelstandoff": 6},
    )
    fig.add(
        "heatmap",
        x=trace.steps,
        y=[label(layer, 14) for layer in trace.layers],
        z=_log(trace.values),
        zmin=low,
        zmax=high,
        colorscale="Cividis",
        customdata=[[number(float(value)) for value in row] for row in trace.values],
        hovertemplate="%{y}, %{x:,}: %{customdata}<extra></extra>",
        colorbar={
            "thickness": 9,
            "outlinewidth": 0,
            "tickvals": ticks.tolist(),
            "ticktext": decades(ticks.tolist()),
            "tickfont": {"size": TEXT},
        },
    )
    return fig


def _log(values: Array) -> Array:
    """Return log10, NaN (an empty cell) where a gradient is exactly 0 or not finite."""
    usable = np.isfinite(values) & (values > 0)
    return np.where(usable, np.log10(np.where(usable, values, 1.0)), np.nan)


def _range(traces: Sequence[LayerTrace]) -> tuple[float, float]:
    logs = np.concatenate([_log(trace.values).ravel() for trace in traces]) if traces else np.zeros(0)
    logs = logs[np.isfinite(logs)]
    if not logs.size:
        return -1.0, 0.0
    low, high = float(logs.min()), float(logs.max())
    return (low, high) if high - low > 0.1 else (low - 0.5, high + 0.5)


def _summary(traces: Sequence[LayerTrace]) -> str:
    """Name the smallest and the largest gradient seen anywhere."""
    cells = [
        (float(value), trace.title, layer, int(step))
        for trace in traces
        for layer, row in zip(trace.layers, trace.values, strict=True)
        for step, value in zip(trace.steps, row, strict=True)
        if np.isfinite(value)
    ]
    if not cells:
        return say("report.heatmap.none")
    low, high = min(cells), max(cells)
    return say(
        "report.heatmap.summary",
        low=number(low[0], 2),
        low_place=_place(low),
        high=number(high[0], 2),
        high_place=_place(high),
    )


def _place(cell: tuple[float, str, str, int]) -> str:
    _, arm, layer, step = cell
    return place(
        arm,
        say("report.place.layer", layer=layer),
        say("report.place.step", step=step),
    )


def _table(traces: Sequence[LayerTrace]) -> Table:
    steps = np.unique(np.concatenate([trace.steps for trace in traces])) if traces else np.zeros(0)
    steps = steps[thin(len(steps), _ROWS)].tolist()
    rows = []
    for trace in traces:
        for layer, row in zip(trace.layers, trace.values.tolist(), strict=True):
            by_step = dict(zip(trace.steps.tolist(), row, strict=True))
            rows.append((trace.title, layer, *(number(by_step.get(step), 2) for step in steps)))
    columns = (say("report.axis.arm"), say("report.axis.layer"), *(f"{step:,}" for step in steps))
    return Table(columns, tuple(rows), headings=2)
