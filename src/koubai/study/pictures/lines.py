"""Lines: the one form that most pictures of terms take, curves over one axis with their table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from koubai.core.params import Array
from koubai.report.drawing import Drawing
from koubai.report.numbers import number
from koubai.report.palette import style
from koubai.report.picture import Panel, Picture, Table, thin
from koubai.words import say

_ROWS = 13


def lines(
    name: str,
    x: Array,
    curves: Mapping[str, Array],
    *,
    axes: tuple[str, str],
    values: Mapping[str, Any] | None = None,
    markers: bool = False,
    **layout: Any,
) -> Picture:
    """Return curves (each of the shape of x) as a picture; its words are study.picture.NAME.

    `values` fill the placeholders of its summary.
    """
    fig = Drawing(320, xaxis={"title": {"text": axes[0]}}, yaxis={"title": {"text": axes[1]}})
    fig.lay(**layout)
    for i, (title, y) in enumerate(curves.items()):
        look = style(i)
        fig.add(
            "scatter",
            x=x,
            y=y,
            name=title,
            mode="lines+markers" if markers else "lines",
            line={"color": look.color, "dash": look.dash, "width": 2},
            marker={"symbol": look.symbol, "size": 7},
        )
    return Picture(
        name=name,
        title=say(f"study.picture.{name}.title", **(values or {})),
        summary=say(f"study.picture.{name}.summary", **(values or {})),
        panels=(Panel("", fig),),
        table=table(axes[0], x, curves),
    )


def table(axis: str, x: Array, curves: Mapping[str, Array]) -> Table:
    """Return some points of curves as numbers."""
    rows = [
        (number(float(x[i])), *(number(float(np.asarray(y)[i])) for y in curves.values()))
        for i in thin(len(x), _ROWS)
    ]
    return Table((axis, *curves), tuple(rows))


def grid_table(columns: Sequence[str], rows: Array) -> Table:
    """Return a matrix of numbers as a table whose first column numbers the rows."""
    return Table(
        ("", *columns),
        tuple((str(i + 1), *(number(float(v)) for v in row)) for i, row in enumerate(rows)),
    )
