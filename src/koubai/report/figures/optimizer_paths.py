"""Optimizer paths: the steps of a descent on the contours of the function it descends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from koubai.core.params import Array
from koubai.report.drawing import Drawing
from koubai.report.numbers import number
from koubai.report.palette import GRAY, VERMILION
from koubai.report.picture import Panel, Picture, Table, thin
from koubai.report.theme import TEXT
from koubai.words import say

_LEVELS = 12
_ROWS = 40


@dataclass(frozen=True, eq=False)
class SurfaceGrid:
    """A function on a grid: x (W,), y (H,), values (H, W); or in one dimension x and values (W,), y None."""

    x: Array
    y: Array | None
    values: Array

    @property
    def width(self) -> float:
        """Extent along x."""
        return float(self.x[-1] - self.x[0])


@dataclass(frozen=True, eq=False)
class DescentPath:
    """The points (steps+1, D) one method went through and the function's values there; D is 1 or 2."""

    title: str
    points: Array
    values: Array
    surface: SurfaceGrid | None = None


def optimizer_paths(descents: Sequence[DescentPath]) -> Picture:
    """Draw one panel a descent: on contours in two dimensions, on the curve in one."""
    flat = all(descent.points.shape[1] == 1 for descent in descents)
    return Picture(
        name="paths",
        title=say("report.paths.title"),
        summary=_summary(descents),
        panels=tuple(Panel(descent.title, _draw(descent)) for descent in descents),
        table=_table(descents),
        note=say("report.paths.flat_note" if flat else "report.paths.note"),
    )


def _draw(descent: DescentPath) -> Drawing:
    flat = descent.points.shape[1] == 1
    fig = Drawing(300, xaxis={"title": {"text": "x"}}, yaxis={"title": {"text": "f(x)" if flat else "y"}})
    if descent.surface is not None:
        (_curve if flat else _contours)(fig, descent.surface)
    x = descent.points[:, 0]
    y = descent.values if flat else descent.points[:, 1]
    texts = [
        f"{say('report.axis.step')} {i}: f = {number(float(value))}" for i, value in enumerate(descent.values)
    ]
    fig.add(
        "scatter",
        x=x,
        y=y,
        mode="lines+markers",
        line={"color": VERMILION, "width": 1.6},
        marker={"size": 5, "color": VERMILION},
        text=texts,
        hoverinfo="text",
        name=say("report.paths.path"),
        showlegend=False,
    )
    for i, symbol, key in ((0, "circle-open", "start"), (len(x) - 1, "star", "end")):
        fig.add(
            "scatter",
            x=[x[i]],
            y=[y[i]],
            mode="markers",
            marker={
                "size": TEXT,
                "symbol": symbol,
                "color": VERMILION,
                "line": {"width": 2, "color": VERMILION},
            },
            text=[texts[i]],
            hoverinfo="text",
            name=say(f"report.paths.{key}"),
        )
    return fig


def _contours(fig: Drawing, surface: SurfaceGrid) -> None:
    """Draw contours at levels that are even in the square root, so that the valley's floor shows too."""
    low, high = float(np.nanmin(surface.values)), float(np.nanmax(surface.values))
    fig.add(
        "contour",
        x=surface.x,
        y=surface.y,
        z=np.sqrt(np.maximum(surface.values - low, 0)),
        contours={
            "coloring": "lines",
            "start": 0.0,
            "end": np.sqrt(high - low),
            "size": (np.sqrt(high - low) or 1.0) / _LEVELS,
        },
        colorscale=[[0, GRAY], [1, GRAY]],
        line={"width": 0.8},
        showscale=False,
        hoverinfo="skip",
    )
    fig.lay(xaxis={"range": [float(surface.x[0]), float(surface.x[-1])], "showgrid": False})
    if surface.y is not None:
        fig.lay(yaxis={"range": [float(surface.y[0]), float(surface.y[-1])], "showgrid": False})


def _curve(fig: Drawing, surface: SurfaceGrid) -> None:
    fig.add(
        "scatter",
        x=surface.x,
        y=surface.values,
        mode="lines",
        line={"color": GRAY, "width": 1.2},
        hoverinfo="skip",
        showlegend=False,
    )


def _summary(descents: Sequence[DescentPath]) -> str:
    if not descents:
        return say("report.paths.none")
    ends = [
        say(
            "report.paths.finish",
            method=descent.title,
            value=number(float(descent.values[-1])),
            steps=len(descent.values) - 1,
        )
        for descent in descents
    ]
    return say("report.paths.summary", ends=say("report.list").join(ends))


def _table(descents: Sequence[DescentPath]) -> Table:
    longest = max((len(descent.values) for descent in descents), default=0)
    columns = [say("report.axis.step")]
    for descent in descents:
        letters = ("x",) if descent.points.shape[1] == 1 else ("x", "y")
        columns += [f"{descent.title}: {letter}" for letter in (*letters, "f")]
    rows = []
    for i in thin(longest, _ROWS):
        cells = [f"{i:,}"]
        for descent in descents:
            inside = i < len(descent.values)
            numbers = (
                (*descent.points[i], descent.values[i]) if inside else (None,) * (descent.points.shape[1] + 1)
            )
            cells += [number(None if x is None else float(x)) for x in numbers]
        rows.append(tuple(cells))
    return Table(tuple(columns), tuple(rows))
