"""Gradient size by layer, a line for each arm: does the signal reach the first layer?"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np

from koubai.core.params import Array
from koubai.report.drawing import Drawing
from koubai.report.numbers import number, ratio
from koubai.report.picture import Panel, Picture, Table
from koubai.report.series import Profile
from koubai.report.theme import label, log_axis
from koubai.words import say

_CROWDED = 6  # layers whose full names fit beside each other in one panel


def gradient_by_layer(panels: Sequence[tuple[str, Sequence[Profile]]], *, kind: str = "gradient") -> Picture:
    """Draw the size of a gradient in each layer, from input to output, on a log axis.

    `kind` names the words: "gradient" for what flows back to a layer, "weight_gradient" for dE/dW.
    """
    profiles = [profile for _, group in panels for profile in group]
    y = _y_axis(profiles)
    if len(panels) == 1:  # else the heading says it once
        y["title"] = {"text": say(f"report.{kind}.axis")}
    return Picture(
        name=f"{kind.replace('_', '-')}-by-layer",
        title=say(f"report.{kind}.title"),
        summary=_summary(panels, kind),
        panels=tuple(Panel(title, _draw(group, y)) for title, group in panels),
        table=_table(panels),
        note=say(f"report.{kind}.note"),
    )


def first_to_last(values: Array) -> float | None:
    """Return the first layer's gradient over the last layer's; None where that says nothing."""
    if len(values) < 2 or not (isfinite(values[0]) and isfinite(values[-1])) or values[-1] == 0:
        return None
    return float(values[0] / values[-1])


def _draw(group: Sequence[Profile], y: dict[str, Any]) -> Drawing:
    fig = Drawing(
        300 + 20 * ((len(group) - 1) // 3),
        yaxis=y,
        xaxis={"title": {"text": say("report.axis.layers")}, "type": "category"},
    )
    floor = 10 ** (y["range"][0] + 0.04 * (y["range"][1] - y["range"][0]))
    for profile in group:
        crowded = len(profile.layers) > _CROWDED  # then the path alone names a layer
        names = [label(layer.split()[0] if crowded else layer, 12) for layer in profile.layers]
        positive = np.where(profile.median > 0, profile.median, np.nan)
        fig.add(
            "scatter",
            x=names,
            y=positive,
            mode="lines+markers",
            line={"color": profile.style.color, "dash": profile.style.dash, "width": 2.2},
            marker={"symbol": profile.style.symbol, "size": 8},
            name=label(profile.short, 36),
            customdata=[number(float(value)) for value in profile.median],
            hovertemplate="%{x}: %{customdata}",
        )
        zeros = [name for name, value in zip(names, profile.median, strict=True) if value == 0]
        if zeros:
            fig.add(
                "scatter",
                x=zeros,
                y=[floor] * len(zeros),
                mode="markers+text",
                marker={"symbol": "triangle-down-open", "size": 11, "color": profile.style.color},
                text=["0"] * len(zeros),
                textposition="top center",
                name=label(profile.short, 36),
                hovertemplate="%{x}: 0",
                showlegend=False,
            )
    return fig


def _y_axis(profiles: Sequence[Profile]) -> dict[str, Any]:
    values = np.concatenate([profile.median for profile in profiles]) if profiles else np.zeros(0)
    values = values[np.isfinite(values) & (values > 0)]
    return log_axis(float(values.min()), float(values.max()), 0.1) if values.size else log_axis(0.1, 1)


def _summary(panels: Sequence[tuple[str, Sequence[Profile]]], kind: str) -> str:
    """Name the arm whose gradient shrinks most on its way down, and the one that keeps it best."""
    found = [
        (value, profile.title)
        for _, group in panels
        for profile in group
        if (value := first_to_last(profile.median)) is not None
    ]
    if not found:
        return say("report.gradient.none")
    weakest = min(found)
    steadiest = min(found, key=lambda pair: abs(np.log(pair[0])) if pair[0] > 0 else np.inf)
    values = {"weakest": weakest[1], "weak": ratio(weakest[0])}
    if len(found) == 1 or steadiest == weakest:
        return say(f"report.{kind}.one", **values)
    return say(f"report.{kind}.many", **values, steadiest=steadiest[1], steady=ratio(steadiest[0]))


def _table(panels: Sequence[tuple[str, Sequence[Profile]]]) -> Table:
    layers = list(dict.fromkeys(layer for _, group in panels for p in group for layer in p.layers))
    rows = []
    for _, group in panels:
        for profile in group:
            by_layer = dict(zip(profile.layers, profile.median.tolist(), strict=True))
            cells = [number(by_layer.get(layer)) for layer in layers]
            rows.append((profile.title, *cells, ratio(first_to_last(profile.median))))
    columns = (say("report.axis.arm"), *layers, say("report.gradient.ratio"))
    return Table(columns, tuple(rows))
