"""Activation histograms: how the outputs of every layer spread, one ridge a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from koubai.core.params import Array
from koubai.report.drawing import Drawing
from koubai.report.numbers import number
from koubai.report.palette import BLUE, GRAY, translucent
from koubai.report.picture import Panel, Picture, Table, place
from koubai.report.theme import label
from koubai.words import say

_HEIGHT = 0.86  # of a ridge, in rows


@dataclass(frozen=True, eq=False)
class LayerHistogram:
    """Shares of one layer's activations in bins `edges` (B+1,): before and after training, each (B,)."""

    layer: str
    edges: Array
    initial: Array
    final: Array

    def moments(self, shares: Array) -> tuple[float, float]:
        """Return mean and standard deviation, taking each bin at its center."""
        centers = (self.edges[:-1] + self.edges[1:]) / 2
        total = shares.sum() or 1.0
        mean = float((shares * centers).sum() / total)
        return mean, float(np.sqrt((shares * (centers - mean) ** 2).sum() / total))


def activation_histograms(panels: Sequence[tuple[str, Sequence[LayerHistogram]]]) -> Picture:
    """Draw one panel for each (arm, layers in forward order), the layer next to the input at the bottom."""
    return Picture(
        name="activations",
        title=say("report.activations.title"),
        summary=_summary(panels),
        panels=tuple(Panel(title, _draw(layers, _range(layers, panels))) for title, layers in panels),
        table=_table(panels),
        note=say("report.activations.note"),
    )


def _range(
    layers: Sequence[LayerHistogram], panels: Sequence[tuple[str, Sequence[LayerHistogram]]]
) -> list[float]:
    """Return the range that panels of the same layers share, so that a collapse shows as a spike."""
    names = [layer.layer for layer in layers]
    alike = [layer for _, own in panels if [layer.layer for layer in own] == names for layer in own]
    low, high = min(float(x.edges[0]) for x in alike), max(float(x.edges[-1]) for x in alike)
    margin = 0.02 * (high - low)
    return [low - margin, high + margin]


def _draw(layers: Sequence[LayerHistogram], x_range: list[float]) -> Drawing:
    fig = Drawing(
        110 + 46 * len(layers),
        xaxis={"title": {"text": say("report.activations.axis")}, "range": x_range},
        yaxis={
            "tickvals": list(range(len(layers))),
            "ticktext": [label(layer.layer, 14) for layer in layers],
            "range": [-0.1, len(layers)],
            "showgrid": False,
            "ticks": "",
            "ticklabelstandoff": 6,
            "showline": False,
        },
        legend={"traceorder": "normal"},
    )
    for row, layer in reversed(list(enumerate(layers))):
        for final in (False, True):
            _ridge(fig, layer, row, final=final, show=row == 0)
    return fig


def _ridge(fig: Drawing, layer: LayerHistogram, row: int, *, final: bool, show: bool) -> None:
    shares = layer.final if final else layer.initial
    color, dash = (BLUE, "solid") if final else (GRAY, "dot")
    heights = np.sqrt(shares / (shares.max() or 1.0))  # else the zeros of ReLU would hide all the rest
    x = np.repeat(layer.edges, 2)
    y = row + _HEIGHT * np.concatenate([[0.0], np.repeat(heights, 2), [0.0]])
    mean, std = layer.moments(shares)
    fig.add(
        "scatter",
        x=x,
        y=y,
        mode="lines",
        line={"color": color, "width": 1.3, "dash": dash},
        fill="toself" if final else None,
        fillcolor=translucent(BLUE, 0.16) if final else None,
        text=f"{label(layer.layer)}: {number(mean, 2)} ± {number(std, 2)}",
        hoverinfo="text",
        name=say(f"report.activations.{'final' if final else 'initial'}"),
        showlegend=show,
        legendgroup=dash,
    )


def _summary(panels: Sequence[tuple[str, Sequence[LayerHistogram]]]) -> str:
    """Say where the spread of the last layer shown is smallest and largest after training."""
    spreads = [
        (layer.moments(layer.final)[1], title, layer.layer) for title, layers in panels for layer in layers
    ]
    if not spreads:
        return say("report.activations.none")
    values = {}
    for name, (spread, arm, layer) in (("low", min(spreads)), ("high", max(spreads))):
        values[name] = number(spread, 2)
        values[f"{name}_place"] = place(arm, say("report.place.layer", layer=layer))
    return say("report.activations.summary", **values)


def _table(panels: Sequence[tuple[str, Sequence[LayerHistogram]]]) -> Table:
    rows = []
    for title, layers in panels:
        for layer in layers:
            numbers = (*layer.moments(layer.initial), *layer.moments(layer.final))
            rows.append((title, layer.layer, *(number(value) for value in numbers)))
    heads = ("initial_mean", "initial_std", "final_mean", "final_std")
    columns = (
        say("report.axis.arm"),
        say("report.axis.layer"),
        *(say(f"report.activations.{head}") for head in heads),
    )
    return Table(columns, tuple(rows), headings=2)
