"""Dropout's masks at two updates: another set of units each time, the mean kept."""

from __future__ import annotations

import numpy as np

from koubai.core.layer import wire
from koubai.core.params import Array
from koubai.layers.dropout import Dropout
from koubai.report.drawing import Drawing
from koubai.report.numbers import number
from koubai.report.palette import VERMILION
from koubai.report.picture import Panel, Picture
from koubai.study.pictures.lines import grid_table
from koubai.words import say

_SAMPLES, _UNITS, _RATIO = 8, 20, 0.5


def dropout(_: str) -> Picture:
    """Return what becomes of outputs of 1 under dropout .5 at two updates."""
    outputs = [_output(step) for step in (1, 2)]
    title = say("report.axis.step")
    return Picture(
        name="dropout",
        title=say("study.picture.dropout.title"),
        summary=say(
            "study.picture.dropout.summary",
            zeros=float(np.mean(outputs[0] == 0)),
            kept=number(float(outputs[0].max())),
            both=float(np.mean((outputs[0] == 0) == (outputs[1] == 0))),
        ),
        panels=tuple(Panel(f"{title} {i + 1}", _draw(y)) for i, y in enumerate(outputs)),
        table=grid_table([str(i + 1) for i in range(_UNITS)], outputs[0]),
    )


def _output(step: int) -> Array:
    cell = wire(Dropout(_RATIO), "dropout", (_UNITS,))
    cell.training, cell.step = True, step
    return cell.forward(np.ones((_SAMPLES, _UNITS)))


def _draw(y: Array) -> Drawing:
    fig = Drawing(
        240,
        xaxis={"title": {"text": say("study.picture.unit")}},
        yaxis={"title": {"text": say("study.picture.sample")}},
    )
    fig.add(
        "heatmap",
        z=y,
        colorscale=[[0, "#ffffff"], [1, VERMILION]],
        showscale=False,
        xgap=1,
        ygap=1,
        hoverinfo="z",
    )
    return fig
