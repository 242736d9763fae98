"""The plane, colored by what a model answers at every place, with the training points on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from koubai.core.params import Array
from koubai.report.drawing import Drawing
from koubai.report.numbers import percent
from koubai.report.palette import BLUE, VERMILION, translucent
from koubai.report.picture import Panel, Picture, Table
from koubai.words import say

_COLORS, _SYMBOLS = (BLUE, VERMILION), ("circle", "square")


@dataclass(frozen=True, eq=False)
class Plane:
    """Answers (H, W) at places x (W,), y (H,), and points (n, 2) with their classes (n,) of one arm."""

    title: str
    x: Array
    y: Array
    answers: Array
    points: Array
    classes: Array

    @property
    def right(self) -> float:
        """The share of points in a place that is answered by their class."""
        columns = np.abs(self.x - self.points[:, :1]).argmin(axis=1)
        rows = np.abs(self.y - self.points[:, 1:]).argmin(axis=1)
        return float((self.answers[rows, columns] == self.classes).mean())


def planes(panels: Sequence[Plane]) -> Picture:
    """Draw a panel a model."""
    shown = [f"{plane.title}: {percent(plane.right)}" for plane in panels]
    columns = (say("report.axis.arm"), say("report.planes.right"))
    return Picture(
        name="planes",
        title=say("report.planes.title"),
        summary=say("report.planes.summary", shown=say("report.list").join(shown)),
        panels=tuple(Panel(plane.title, _draw(plane)) for plane in panels),
        table=Table(columns, tuple((plane.title, percent(plane.right)) for plane in panels)),
        note=say("report.planes.note"),
    )


def _draw(plane: Plane) -> Drawing:
    fig = Drawing(300, xaxis={"title": {"text": "x1"}}, yaxis={"title": {"text": "x2"}})
    pale = [translucent(color, 0.16) for color in _COLORS]
    fig.add(
        "heatmap",
        x=plane.x,
        y=plane.y,
        z=plane.answers,
        zmin=0,
        zmax=1,
        colorscale=[[0, pale[0]], [0.5, pale[0]], [0.5, pale[1]], [1, pale[1]]],
        showscale=False,
        hoverinfo="skip",
    )
    for k, (color, symbol) in enumerate(zip(_COLORS, _SYMBOLS, strict=True)):
        own = plane.points[plane.classes == k]
        fig.add(
            "scatter",
            x=own[:, 0],
            y=own[:, 1],
            mode="markers",
            marker={"size": 6, "color": color, "symbol": symbol},
            name=say("report.planes.class", number=k),
            hoverinfo="skip",
        )
    return fig
