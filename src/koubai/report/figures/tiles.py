"""Many small images side by side: the filters of a convolution, or the maps they make of one sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, sqrt

import numpy as np

from koubai.core.params import Array
from koubai.report.drawing import Drawing
from koubai.report.numbers import number
from koubai.report.picture import Panel, Picture, Table, thin
from koubai.report.theme import TEXT, label
from koubai.words import say

_MOST = 64  # tiles in one panel
_SCALES = {"filters": "RdBu", "feature_maps": "Viridis", "sample": "Greys", "receptive_field": "Blues"}


@dataclass(frozen=True, eq=False)
class Tiles:
    """Images (count, H, W) of one layer of one arm; `kind` is one of `_SCALES`."""

    title: str
    kind: str
    images: Array


def filters(panels: Sequence[Tiles]) -> Picture:
    """Draw filters: blue positive, red negative, white zero; one scale per panel."""
    return _picture("filters", panels)


def feature_maps(panels: Sequence[Tiles]) -> Picture:
    """Draw what each layer makes of one sample; the sample itself may be among the panels."""
    return _picture("feature_maps", panels)


def augmented(panels: Sequence[Tiles]) -> Picture:
    """Draw one training picture, and what is made of it, arm by arm."""
    return _picture("augmented", panels)


def receptive_fields(panels: Sequence[Tiles]) -> Picture:
    """Draw which pixels a unit in the middle of each layer sees, and how many they are."""
    picture = _picture("receptive_field", panels)
    seen = [
        say("report.receptive_field.seen", layer=tiles.title, seen=int((image > 0).sum()), of=image.size)
        for tiles in panels
        for image in tiles.images
    ]
    return replace(picture, summary=say("report.list").join(seen))


def as_images(values: Array) -> Array:
    """Return (O, C, H, W), (O, C, K), (O, H, W) or (O, L) as (count, H, W), channels side by side.

    >>> [as_images(np.zeros(shape)).shape for shape in ((16, 3, 5, 5), (4, 2, 5), (6, 9))]
    [(16, 5, 15), (4, 2, 5), (6, 1, 9)]
    """
    if values.ndim == 2:
        return values[:, None, :]
    if values.ndim == 3:
        return values
    count, channels, height, width = values.shape
    return values.transpose(0, 2, 1, 3).reshape(count, height, channels * width)


def _picture(name: str, panels: Sequence[Tiles]) -> Picture:
    shown = [f"{tiles.title}: {len(tiles.images):,}" for tiles in panels]
    return Picture(
        name=name.replace("_", "-"),
        title=say(f"report.{name}.title"),
        summary=say(f"report.{name}.summary", shown=say("report.list").join(shown)),
        panels=tuple(Panel(tiles.title, _draw(tiles)) for tiles in panels),
        table=_table(panels),
        note=say(f"report.{name}.note"),
    )


def _draw(tiles: Tiles) -> Drawing:
    images = tiles.images[thin(len(tiles.images), _MOST)].astype(np.float64)
    mosaic = _mosaic(images)
    if tiles.kind == "receptive_field":
        mosaic = np.where(mosaic == 0, np.nan, mosaic)  # not drawn
    bound = float(np.nanmax(np.abs(mosaic), initial=0.0)) or 1.0
    hidden = {"visible": False, "constrain": "domain"}
    fig = Drawing(
        max(120, min(360 if len(images) > 1 else 200, round(300 * mosaic.shape[0] / mosaic.shape[1]))),
        xaxis=hidden,
        yaxis={**hidden, "autorange": "reversed", "scaleanchor": "x"},
        margin={"l": 4, "r": 4, "t": 4, "b": 4},
    )
    fig.add(
        "heatmap",
        z=mosaic.astype(np.float32),
        colorscale=_SCALES[tiles.kind],
        zmin={"filters": -bound, "receptive_field": 0.0}.get(tiles.kind, float(np.nanmin(mosaic))),
        zmax=bound,
        showscale=tiles.kind != "sample",
        colorbar={"thickness": 9, "outlinewidth": 0, "nticks": 4, "tickfont": {"size": TEXT}},
        hovertemplate="%{z:.3g}<extra></extra>",
    )
    return fig


def _mosaic(images: Array) -> Array:
    """Lay images (count, H, W) in rows, one empty (NaN) pixel between them."""
    count, height, width = images.shape
    square = sqrt(count * height / width)
    choices = range(max(1, round(square)), max(1, min(count, ceil(2 * square))) + 1)
    columns = min(choices, key=lambda columns: -count % columns)  # as few empty places as can be
    rows = ceil(count / columns)
    mosaic = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for i, image in enumerate(images):
        top, left = (i // columns) * (height + 1), (i % columns) * (width + 1)
        mosaic[top : top + height, left : left + width] = image
    return mosaic


def _table(panels: Sequence[Tiles]) -> Table:
    """Say of every image how strong it is: its mean, its spread, its extremes."""
    rows = []
    for tiles in panels:
        for i in thin(len(tiles.images), _MOST):
            image = tiles.images[i].astype(np.float64)
            numbers = (image.mean(), image.std(), image.min(), image.max())
            rows.append((label(tiles.title), str(i), *(number(float(x)) for x in numbers)))
    columns = (
        say("report.axis.panel"),
        say("report.axis.number"),
        *(say(f"report.axis.{name}") for name in ("mean", "std", "min", "max")),
    )
    return Table(columns, tuple(rows), headings=2)
