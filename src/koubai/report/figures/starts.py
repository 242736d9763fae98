"""Where descents end: every start on a line, marked by whether it reached the deepest minimum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from koubai.core.params import Array
from koubai.report.drawing import Drawing
from koubai.report.numbers import number, percent
from koubai.report.palette import BLUE, GRAY, VERMILION, translucent
from koubai.report.picture import Panel, Picture, Table
from koubai.report.theme import row_axis, row_texts
from koubai.words import say

_BINS = 20  # rows of the table


@dataclass(frozen=True, eq=False)
class DrawnStarts:
    """The starts (n,) of one arm, and whether each reached the deepest minimum (n,)."""

    title: str
    starts: Array
    reached: Array

    @property
    def share(self) -> float:
        """The share that reached it."""
        return float(np.mean(self.reached))


def starts(arms: Sequence[DrawnStarts], x: Array, values: Array) -> Picture:
    """Draw one row per arm over the function `values` (W,) at `x` (W,), which lies behind them in gray."""
    best, worst = max(arms, key=lambda arm: arm.share), min(arms, key=lambda arm: arm.share)
    return Picture(
        name="starts",
        title=say("report.starts.title"),
        summary=say(
            "report.starts.summary",
            best=best.title,
            high=percent(best.share),
            worst=worst.title,
            low=percent(worst.share),
        ),
        panels=(Panel("", _draw(arms, x, values)),),
        table=_table(arms, x),
        note=say("report.starts.note"),
    )


def _draw(arms: Sequence[DrawnStarts], x: Array, values: Array) -> Drawing:
    fig = Drawing(
        130 + 42 * len(arms),
        xaxis={"title": {"text": say("report.starts.axis")}, "range": [float(x[0]), float(x[-1])]},
        yaxis=row_axis([arm.title for arm in arms]),
        legend={"traceorder": "normal"},
        **row_texts([percent(arm.share) for arm in arms]),
    )
    fig.add(
        "scatter",
        x=x,
        y=values,
        yaxis="y2",
        mode="lines",
        line={"color": GRAY, "width": 1.4},
        hoverinfo="skip",
        name="f(x)",
    )
    fig.lay(yaxis2={"overlaying": "y", "visible": False})
    for key, wanted, color, symbol in (
        ("reached", True, BLUE, "circle"),
        ("missed", False, VERMILION, "x-thin"),
    ):
        places = [(start, i) for i, arm in enumerate(arms) for start in arm.starts[arm.reached == wanted]]
        fig.add(
            "scatter",
            x=[start for start, _ in places],
            y=[row for _, row in places],
            mode="markers",
            marker={
                "size": 7,
                "symbol": symbol,
                "color": translucent(color, 0.6),
                "line": {"width": 1.6 if symbol == "x-thin" else 0, "color": color},
            },
            hovertemplate="%{x:.2f}",
            name=say(f"report.starts.{key}"),
        )
    return fig


def _table(arms: Sequence[DrawnStarts], x: Array) -> Table:
    """Return the share that reached the deepest minimum by where the start lies."""
    edges = np.linspace(float(x[0]), float(x[-1]), _BINS + 1)
    rows = []
    for low, high in pairwise(edges):
        inside = [arm.reached[(arm.starts >= low) & (arm.starts < high)] for arm in arms]
        if any(len(part) for part in inside):
            shares = (percent(float(part.mean())) if len(part) else "–" for part in inside)
            rows.append((f"{number(float(low))} … {number(float(high))}", *shares))
    return Table((say("report.starts.axis"), *(arm.title for arm in arms)), tuple(rows))
