"""Regularization paths: what becomes of weights and biases as the penalty grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from koubai.core.params import Array
from koubai.report.drawing import Drawing
from koubai.report.numbers import number
from koubai.report.palette import BLUE, GRAY, VERMILION
from koubai.report.picture import Panel, Picture, Table, join_sentences
from koubai.report.theme import label, log_axis
from koubai.words import say


@dataclass(frozen=True, eq=False)
class RegularizationPath:
    """Norms of all weights and of all biases (S,) at the strengths (S,) of one penalty, mean over seeds.

    `free` is the norm of the weights without any penalty, None where no arm goes without.
    """

    title: str
    strengths: Array
    weights: Array
    biases: Array
    free: float | None = None


def regularization_paths(paths: Sequence[RegularizationPath]) -> Picture:
    """Draw one panel a penalty: the weights go to zero, the biases, which no penalty touches, do not."""
    return Picture(
        name="regularization",
        title=say("report.regularization.title"),
        summary=_summary(paths),
        panels=tuple(Panel(path.title, _draw(path)) for path in paths),
        table=_table(paths),
        note=say("report.regularization.note"),
    )


def _draw(path: RegularizationPath) -> Drawing:
    strengths = path.strengths[path.strengths > 0]
    fig = Drawing(
        320,
        xaxis={"title": {"text": "λ"}} | log_axis(float(strengths.min()), float(strengths.max())),
        yaxis={"title": {"text": say("report.regularization.axis")}, "rangemode": "tozero"},
    )
    lines = (
        ("weights", path.weights, {"color": BLUE, "width": 2.4}, "circle"),
        ("biases", path.biases, {"color": VERMILION, "width": 2.4, "dash": "dash"}, "square"),
    )
    for name, values, line, symbol in lines:
        fig.add(
            "scatter",
            x=path.strengths,
            y=values,
            mode="lines+markers",
            line=line,
            marker={"symbol": symbol, "size": 7},
            name=say(f"report.regularization.{name}"),
            customdata=[number(float(value)) for value in values],
            hovertemplate="%{x}: %{customdata}",
        )
    if path.free is not None:
        fig.add(
            "scatter",
            x=[float(strengths.min()), float(strengths.max())],
            y=[path.free, path.free],
            mode="lines",
            line={"color": GRAY, "width": 1.4, "dash": "dot"},
            hoverinfo="skip",
            name=say("report.regularization.free"),
        )
    return fig


def _summary(paths: Sequence[RegularizationPath]) -> str:
    sentences = [
        say(
            "report.regularization.one",
            penalty=path.title,
            first=number(float(path.strengths[0])),
            last=number(float(path.strengths[-1])),
            weights_first=number(float(path.weights[0])),
            weights_last=number(float(path.weights[-1])),
            biases_first=number(float(path.biases[0])),
            biases_last=number(float(path.biases[-1])),
        )
        for path in paths
    ]
    return join_sentences(sentences)


def _table(paths: Sequence[RegularizationPath]) -> Table:
    rows = tuple(
        (path.title, *(number(float(value)) for value in row))
        for path in paths
        for row in np.stack([path.strengths, path.weights, path.biases], axis=1)
    )
    heads = ("penalty", "strength", "weights", "biases")
    columns = tuple(label(say(f"report.regularization.{head}")) for head in heads)
    return Table(columns, rows, headings=2)
