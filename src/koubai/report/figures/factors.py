"""The chain rule in numbers: what every layer multiplies the gradient by, and the product of it all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from koubai.core.params import Array
from koubai.lab.perform.gradients import Factors
from koubai.report.drawing import Drawing
from koubai.report.numbers import number, ratio
from koubai.report.palette import BLACK, style
from koubai.report.picture import Panel, Picture, Table, join_sentences
from koubai.report.theme import log_axis
from koubai.words import say

_KINDS = ("derivative", "weight")


@dataclass(frozen=True)
class Chain:
    """The factors of one run's layers, in forward order."""

    title: str
    factors: Sequence[Factors]

    def of(self, kind: str) -> Array:
        """Return one kind of factor, from the last layer back to the first."""
        return np.array([getattr(one, kind) for one in reversed(self.factors)])

    @property
    def product(self) -> Array:
        """The product of all factors from the end to each layer."""
        return np.cumprod(self.of("weight") * self.of("derivative"))


def factors_by_layer(chains: Sequence[Chain]) -> Picture:
    """Draw a panel a chain: both factors of every layer, and their product so far; one common axis."""
    sizes = np.concatenate([np.concatenate([*map(chain.of, _KINDS), chain.product]) for chain in chains])
    sizes = sizes[sizes > 0]
    y = log_axis(float(sizes.min()), float(sizes.max())) if sizes.size else {}
    return Picture(
        name="factors",
        title=say("report.factors.title"),
        summary=join_sentences([_sentence(chain) for chain in chains]),
        panels=tuple(Panel(chain.title, _draw(chain, y)) for chain in chains),
        table=_table(chains),
        note=say("report.factors.note"),
    )


def _draw(chain: Chain, y: dict[str, Any]) -> Drawing:
    back = np.arange(1, len(chain.factors) + 1)
    x = {"title": {"text": say("report.factors.layers")}, "nticks": 10, "tickformat": "d"}
    fig = Drawing(320, xaxis=x, yaxis=y)
    for i, kind in enumerate(_KINDS):
        _line(fig, back, chain.of(kind), say(f"report.factors.{kind}"), style(i).color, style(i).symbol)
    _line(fig, back, chain.product, say("report.factors.product"), BLACK, "star", mode="lines+markers")
    return fig


def _line(
    fig: Drawing, x: Array, y: Array, name: str, color: str, symbol: str, mode: str = "markers"
) -> None:
    fig.add(
        "scatter",
        x=x,
        y=np.where(y > 0, y, np.nan),
        mode=mode,
        line={"color": color, "width": 2.6},
        marker={"symbol": symbol, "size": 8, "color": color},
        name=name,
        customdata=[number(float(value)) for value in y],
        hovertemplate="%{x}: %{customdata}",
    )


def _sentence(chain: Chain) -> str:
    means = {kind: number(_mean(chain.of(kind)), 2) for kind in _KINDS}
    values: dict[str, Any] = {
        "title": chain.title,
        "layers": len(chain.factors),
        "product": ratio(float(chain.product[-1])),
    }
    return say("report.factors.one", **values, **means)


def _mean(values: Array) -> float:
    """Return the geometric mean; 0 where a factor is 0."""
    return float(np.exp(np.log(values).mean())) if (values > 0).all() else 0.0


def _table(chains: Sequence[Chain]) -> Table:
    heads = [say(f"report.factors.{name}") for name in (*_KINDS, "product")]
    rows = [
        (chain.title, str(i + 1), *(number(float(column[i])) for column in columns))
        for chain in chains
        for columns in [(*map(chain.of, _KINDS), chain.product)]
        for i in range(len(chain.factors))
    ]
    columns = (say("report.axis.arm"), say("report.factors.layers"), *heads)
    return Table(columns, tuple(rows), headings=2)
