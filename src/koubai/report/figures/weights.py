"""The weights that remain: a histogram of one parameter for every arm, on one axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from koubai.core.params import Array
from koubai.report.drawing import Drawing
from koubai.report.numbers import number, percent
from koubai.report.palette import BLUE, translucent
from koubai.report.picture import Panel, Picture, Table
from koubai.report.theme import log_axis
from koubai.words import say


@dataclass(frozen=True, eq=False)
class WeightHistogram:
    """Counts (B,) of one parameter's values in bins `edges` (B+1,), the share near 0, the Euclidean norm."""

    title: str
    edges: Array
    counts: Array
    near_zero: float
    norm: float


def weights(panels: Sequence[WeightHistogram]) -> Picture:
    """Draw one panel per arm, with the share of weights that are below .001 in size."""
    return Picture(
        name="weights",
        title=say("report.weights.title"),
        summary=_summary(panels),
        panels=tuple(Panel(panel.title, _draw(panel)) for panel in panels),
        table=_table(panels),
        note=say("report.weights.note"),
    )


def _draw(panel: WeightHistogram) -> Drawing:
    fig = Drawing(
        230,
        xaxis={"title": {"text": say("report.weights.axis")}},
        yaxis={"title": {"text": say("report.weights.count")}}
        | log_axis(0.8, max(float(panel.counts.max(initial=0)), 10.0)),
        bargap=0,
    )
    fig.add(
        "bar",
        x=(panel.edges[:-1] + panel.edges[1:]) / 2,
        y=np.where(panel.counts > 0, panel.counts, np.nan),
        width=np.diff(panel.edges),
        marker={"color": translucent(BLUE, 0.4), "line": {"color": BLUE, "width": 1}},
        hovertemplate="%{x:.3g}: %{y:,}<extra></extra>",
    )
    return fig


def _summary(panels: Sequence[WeightHistogram]) -> str:
    if not panels:
        return say("report.weights.none")
    most, least = (
        max(panels, key=lambda panel: panel.near_zero),
        min(panels, key=lambda panel: panel.near_zero),
    )
    return say(
        f"report.weights.{'one' if len(panels) == 1 else 'many'}",
        most=most.title,
        high=percent(most.near_zero),
        least=least.title,
        low=percent(least.near_zero),
    )


def _table(panels: Sequence[WeightHistogram]) -> Table:
    columns = (
        say("report.axis.panel"),
        say("report.weights.near_zero"),
        say("report.weights.norm"),
    )
    rows = ((panel.title, percent(panel.near_zero), number(panel.norm)) for panel in panels)
    return Table(columns, tuple(rows))
