"""The gap between training and test: two dots an arm and the line between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from koubai.report.drawing import Drawing
from koubai.report.numbers import percent, points
from koubai.report.palette import BLUE, GRAY, VERMILION
from koubai.report.picture import Panel, Picture, Table
from koubai.report.theme import row_axis, row_texts, share_axis
from koubai.words import say


@dataclass(frozen=True)
class Gap:
    """Mean accuracy of one arm on the training and on the test part."""

    title: str
    train: float
    test: float

    @property
    def size(self) -> float:
        """Train minus test."""
        return self.train - self.test


def gap(arms: Sequence[Gap]) -> Picture:
    """Draw one row per arm in the given order."""
    return Picture(
        name="gap",
        title=say("report.gap.title"),
        summary=_summary(arms),
        panels=(Panel("", _draw(arms)),),
        table=_table(arms),
        note=say("report.gap.note"),
    )


def _draw(arms: Sequence[Gap]) -> Drawing:
    rows = list(range(len(arms)))
    ends = [share for arm in arms for share in (arm.test, arm.train)]
    fig = Drawing(
        128 + 42 * len(arms),
        xaxis={"title": {"text": say("report.gap.axis")}}
        | share_axis(min(ends, default=0), max(ends, default=1)),
        yaxis=row_axis([arm.title for arm in arms]),
        legend={"traceorder": "normal"},
        **row_texts([points(arm.size) for arm in arms]),
    )
    fig.add(
        "scatter",
        x=[x for arm in arms for x in (arm.test, arm.train, None)],
        y=[y for row in rows for y in (row, row, None)],
        mode="lines",
        line={"color": GRAY, "width": 3},
        hoverinfo="skip",
        showlegend=False,
    )
    for part, color, symbol in (("train", VERMILION, "circle-open"), ("test", BLUE, "circle")):
        values = [getattr(arm, part) for arm in arms]
        fig.add(
            "scatter",
            x=values,
            y=rows,
            mode="markers",
            marker={"size": 11, "color": color, "symbol": symbol, "line": {"width": 2.4, "color": color}},
            customdata=[percent(value) for value in values],
            hovertemplate="%{customdata}",
            name=say(f"report.gap.{part}"),
        )
    return fig


def _summary(arms: Sequence[Gap]) -> str:
    if not arms:
        return say("report.gap.none")
    widest, narrowest = max(arms, key=lambda arm: arm.size), min(arms, key=lambda arm: arm.size)
    wide, narrow = points(widest.size), points(narrowest.size)
    kind = "one" if len(arms) == 1 else ("same" if wide == narrow else "many")
    return say(f"report.gap.{kind}", widest=widest.title, wide=wide, narrowest=narrowest.title, narrow=narrow)


def _table(arms: Sequence[Gap]) -> Table:
    columns = (
        say("report.axis.arm"),
        say("report.gap.train"),
        say("report.gap.test"),
        say("report.gap.size"),
    )
    rows = ((arm.title, percent(arm.train), percent(arm.test), points(arm.size)) for arm in arms)
    return Table(columns, tuple(rows))
