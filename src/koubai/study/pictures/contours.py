"""Contours of a loss beside the level sets of L1 (a diamond) and L2 (a circle), and where they touch."""

from __future__ import annotations

from typing import Any

import numpy as np

from koubai.core.params import Array
from koubai.penalties.p_norm import L1, L2
from koubai.report.drawing import Drawing
from koubai.report.numbers import number
from koubai.report.palette import BLUE, GRAY, VERMILION
from koubai.report.picture import Panel, Picture, Table
from koubai.words import say

_BEST = np.array([1.6, 0.5])  # the weights without a penalty
_CURVATURE = np.array([1.0, 2.0])
_LAMBDA = {"L1": 1.2, "L2": 1.2}
_STEPS, _RATE = 4000, 0.01


def contours(_: str) -> Picture:
    """Return both penalties on one quadratic loss; the minimum of the sum is found by descent."""
    ends = {"L1": _minimum(L1(_LAMBDA["L1"])), "L2": _minimum(L2(_LAMBDA["L2"]))}
    rows = [
        (name, number(float(w[0])), number(float(w[1])), number(float(_loss(w[0], w[1]))))
        for name, w in {say("study.picture.contours.none"): _BEST, **ends}.items()
    ]
    return Picture(
        name="contours",
        title=say("study.picture.contours.title"),
        summary=say(
            "study.picture.contours.summary",
            l1=number(float(abs(ends["L1"][1]))),
            l2=number(float(ends["L2"][1])),
        ),
        panels=tuple(Panel(name, _draw(name, w)) for name, w in ends.items()),
        table=Table(("", "w1", "w2", "E"), tuple(rows)),
    )


def _loss(w1: Any, w2: Any) -> Any:
    """Half the curvature times the squared distance from the best weights."""
    a, b = _CURVATURE
    return 0.5 * (a * (w1 - _BEST[0]) ** 2 + b * (w2 - _BEST[1]) ** 2)


def _minimum(penalty: L1 | L2) -> Array:
    """Descend E + penalty; a step of the L1 gradient that would cross 0 stops there (soft threshold)."""
    w = np.zeros(2)
    for _ in range(_STEPS):
        ahead = w - _RATE * _CURVATURE * (w - _BEST)
        if isinstance(penalty, L1):
            w = np.sign(ahead) * np.maximum(np.abs(ahead) - _RATE * penalty.strength, 0)
        else:
            w = ahead - _RATE * penalty.gradient(ahead)
    return w


def _draw(name: str, end: Array) -> Drawing:
    axis = np.linspace(-2, 2.6, 140)
    fig = Drawing(
        340,
        xaxis={"title": {"text": "w1"}, "range": [-2, 2.6]},
        yaxis={"title": {"text": "w2"}, "range": [-2, 2], "scaleanchor": "x"},
    )
    fig.add(
        "contour",
        x=axis,
        y=axis,
        z=_loss(axis[None, :], axis[:, None]),
        contours={"coloring": "lines", "start": 0.0, "end": 6.0, "size": 0.6},
        colorscale=[[0, GRAY], [1, GRAY]],
        line={"width": 0.8},
        showscale=False,
        hoverinfo="skip",
    )
    corners = _level_set(name, end)
    fig.add(
        "scatter",
        x=corners[:, 0],
        y=corners[:, 1],
        mode="lines",
        fill="toself",
        line={"color": BLUE, "width": 2},
        fillcolor="rgba(0,114,178,0.16)",
        name=f"{name} = {number(_size(name, end))}",
    )
    fig.add(
        "scatter",
        x=[end[0]],
        y=[end[1]],
        mode="markers",
        marker={"size": 13, "symbol": "star", "color": VERMILION},
        name="w",
    )
    return fig


def _size(name: str, w: Array) -> float:
    return float(np.abs(w).sum() if name == "L1" else np.sqrt((w**2).sum()))


def _level_set(name: str, end: Array) -> Array:
    r = _size(name, end)
    if name == "L1":
        return r * np.array([[1, 0], [0, 1], [-1, 0], [0, -1], [1, 0]])
    angle = np.linspace(0, 2 * np.pi, 100)
    return r * np.stack([np.cos(angle), np.sin(angle)], axis=1)
