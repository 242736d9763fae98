"""Pictures of what convolutions do with places: how often a pixel is seen, and how much one unit sees."""

from __future__ import annotations

from typing import Any

import numpy as np

from koubai.core.params import Array
from koubai.layers.im2col import col2im
from koubai.layers.im2col import im2col as unrolled
from koubai.report.drawing import Drawing
from koubai.report.palette import BLUE
from koubai.report.picture import Panel, Picture
from koubai.study.pictures.lines import grid_table
from koubai.words import say

_SIZE, _KERNEL = 4, 3
_IMAGE, _LAYERS = 15, 4


def im2col(_: str) -> Picture:
    """Return how often col2im(im2col(x)) gives every pixel of a 4 x 4 image back, for a 3 x 3 window."""
    ones = np.ones((1, 1, _SIZE, _SIZE))
    counts = col2im(unrolled(ones, _KERNEL), ones.shape, _KERNEL)[0, 0]
    return _map("im2col", counts, text="%{z:.0f}", values={"size": _SIZE, "kernel": _KERNEL})


def receptive_field(_: str) -> Picture:
    """Return how many 3 x 3 layers have brought a pixel into the sight of the middle unit.

    Measured: 1 is sent back from the middle through one convolution after the other, with weights of 1.
    """
    reached = np.zeros((_IMAGE, _IMAGE))
    gradient = np.zeros((1, 1, _IMAGE, _IMAGE))
    gradient[0, 0, _IMAGE // 2, _IMAGE // 2] = 1
    for layer in range(1, _LAYERS + 1):
        windows = gradient.reshape(1, 1, -1).repeat(9, axis=1)
        gradient = col2im(windows, (1, 1, _IMAGE, _IMAGE), 3, padding=1)
        reached[(gradient[0, 0] > 0) & (reached == 0)] = layer
    seen = [int(np.sqrt((reached[reached > 0] <= layer).sum())) for layer in range(1, _LAYERS + 1)]
    shown = np.where(reached > 0, _LAYERS + 1 - reached, 0)
    values = {"layers": _LAYERS, "size": seen[-1], "first": seen[0]}
    return _map("receptive_field", shown, text="", values=values)


def _map(name: str, cells: Array, *, text: str, values: dict[str, Any]) -> Picture:
    fig = Drawing(
        320,
        xaxis={"showticklabels": False, "constrain": "domain", "ticks": "", "showline": False},
        yaxis={
            "showticklabels": False,
            "scaleanchor": "x",
            "autorange": "reversed",
            "ticks": "",
            "showline": False,
        },
    )
    fig.add(
        "heatmap",
        z=cells,
        colorscale=[[0, "rgba(0,114,178,0.07)"], [1, BLUE]],
        showscale=False,
        texttemplate=text,
        xgap=2,
        ygap=2,
        hoverinfo="z",
    )
    return Picture(
        name=name,
        title=say(f"study.picture.{name}.title"),
        summary=say(f"study.picture.{name}.summary", **values),
        panels=(Panel("", fig),),
        table=grid_table([str(i + 1) for i in range(cells.shape[1])], cells),
    )
