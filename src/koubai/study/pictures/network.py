"""A small network with its numbers: what a path back multiplies, and what all paths add up to."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np

from koubai.core.params import Array
from koubai.initializers.normal import LeCunNormal
from koubai.layers.activations import Sigmoid
from koubai.models.mlp import Mlp
from koubai.network.network import Network
from koubai.report.drawing import Drawing
from koubai.report.numbers import number
from koubai.report.palette import BLUE, GRAY, VERMILION
from koubai.report.picture import Panel, Picture, Table
from koubai.report.theme import TEXT
from koubai.words import say

WIDTH, DEPTH, SEED = 2, 3, 3
X = np.array([[1.0, -0.5]])
"""The one sample that is shown to the network."""


@dataclass(frozen=True)
class Path:
    """One way back from y to x1: its unit in each hidden layer, in forward order, and its factors."""

    units: tuple[int, ...]
    weights: tuple[float, ...]
    slopes: tuple[float, ...]

    @property
    def product(self) -> float:
        """What this way alone adds to dy/dx1."""
        return prod(self.weights) * prod(self.slopes)


@dataclass(frozen=True, eq=False)
class Small:
    """Weights W_l (n_in, n_out) of every layer, f'(u) of every hidden unit, dy/dx as backward computes it."""

    weights: tuple[Array, ...]
    slopes: tuple[Array, ...]
    dx: Array

    def paths(self) -> list[Path]:
        """Return all ways from y back to x1."""
        found = []
        for units in product(range(WIDTH), repeat=DEPTH):
            ends = (0, *units, 0)
            weights = [float(W[a, b]) for W, a, b in zip(self.weights, ends[:-1], ends[1:], strict=True)]
            slopes = [float(slope[i]) for slope, i in zip(self.slopes, units, strict=True)]
            found.append(Path(units, tuple(weights), tuple(slopes)))
        return found


def small() -> Small:
    """Run the network forward and backward with dE/dy = 1, so that what flows back is dy/d..."""
    net = Network(Mlp((WIDTH,) * DEPTH, 1, "sigmoid"), (2,), LeCunNormal())
    weights = net.initialize(SEED, "float64")
    root = net.bind(weights, training=True)
    y = root.forward(X)
    matrices = tuple(array for path, array in weights.params.items() if path.endswith("weight"))
    sigmoids = [cell for cell in root.walk() if isinstance(cell.layer, Sigmoid)]
    slopes = tuple(cell.layer.derivative(*cell.saved)[0] for cell in sigmoids)  # type: ignore[attr-defined]
    return Small(matrices, slopes, root.backward(np.ones_like(y))[0])


def network(_: str) -> Picture:
    """Return the drawing: f' at every hidden unit, weights along the path that carries most."""
    net = small()
    ways = net.paths()
    most = max(ways, key=lambda way: abs(way.product))
    factors = " x ".join(
        f"({number(w, 2)})" + (f" x {number(s, 2)}" if s is not None else "")
        for w, s in zip(reversed(most.weights), [*reversed(most.slopes), None], strict=True)
    )
    values: dict[str, Any] = {
        "factors": factors,
        "product": number(most.product, 2),
        "paths": len(ways),
        "sum": number(sum(way.product for way in ways), 3),
        "backward": number(float(net.dx[0]), 3),
        "slopes": number(prod(most.slopes), 2),
    }
    return Picture(
        name="network",
        title=say("study.picture.network.title"),
        summary=say("study.picture.network.summary", **values),
        panels=(Panel("", _draw(net, most)),),
        table=_table(ways),
        note=say("study.picture.network.note"),
    )


def _places() -> list[list[tuple[float, float]]]:
    """Return where the units stand, layer by layer."""
    columns = [2, *[WIDTH] * DEPTH, 1]
    return [[(float(c), (n - 1) / 2 - i) for i in range(n)] for c, n in enumerate(columns)]


def _draw(net: Small, most: Path) -> Drawing:
    places = _places()
    thick = {
        (layer, a, b) for layer, (a, b) in enumerate(zip((0, *most.units), (*most.units, 0), strict=True))
    }
    hidden: dict[str, Any] = {"visible": False}
    fig = Drawing(
        300,
        xaxis=hidden | {"range": [-0.4, DEPTH + 1.4]},
        yaxis=hidden | {"range": [-1.15, 1.15]},
        showlegend=False,
        margin={"l": 4, "r": 4, "t": 4, "b": 4},
    )
    for layer, W in enumerate(net.weights):
        for a, b in np.ndindex(*W.shape):
            (x0, y0), (x1, y1) = places[layer][a], places[layer + 1][b]
            on = (layer, a, b) in thick
            look = {"color": VERMILION if on else GRAY, "width": 3.5 if on else 0.8}
            fig.add("scatter", x=[x0, x1], y=[y0, y1], mode="lines", line=look, hoverinfo="skip")
            if on:
                flat, top = y0 == y1, y0 > 0
                fig.mark(
                    x=(x0 + x1) / 2,
                    y=(y0 + y1) / 2,
                    xshift=0 if flat else 30,
                    yshift=(-12 if top else 12) if flat else 0,
                    showarrow=False,
                    font={"size": TEXT, "color": VERMILION},
                    text=f"w {number(float(W[a, b]), 2)}",
                )
    for c, column in enumerate(places):
        for i, (x, y) in enumerate(column):
            name = f"x{i + 1}" if c == 0 else "y" if c == DEPTH + 1 else ""
            text = name or f"f' {number(float(net.slopes[c - 1][i]), 2)}"
            fig.add(
                "scatter",
                x=[x],
                y=[y],
                mode="markers+text",
                text=[text],
                textposition="top center" if y > 0 else "bottom center",
                marker={"size": 20, "color": BLUE},
                hoverinfo="skip",
            )
    return fig


def _table(ways: list[Path]) -> Table:
    heads = ("path", "weights", "slopes", "product")
    rows = [
        (
            " ← ".join(["x1", *map(str, (unit + 1 for unit in way.units)), "y"]),
            number(prod(way.weights)),
            number(prod(way.slopes)),
            number(way.product),
        )
        for way in ways
    ]
    total = number(sum(way.product for way in ways))
    rows.append((say("study.picture.network.total"), "", "", total))
    return Table(tuple(say(f"study.picture.network.{head}") for head in heads), tuple(rows))
