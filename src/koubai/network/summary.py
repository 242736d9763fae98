"""Summary of a network: what every layer puts out and costs, as rows and as a table."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

from koubai.core.layer import Layer
from koubai.core.params import Shape
from koubai.initializers.initializer import Initializer
from koubai.words import say, speaking

if TYPE_CHECKING:  # a network shows itself by this module
    from koubai.network.network import Network


@dataclass(frozen=True)
class LayerRow:
    """One layer at its place.

    | field         | unit                                       |
    |---------------|--------------------------------------------|
    | shape         | output without the batch axis              |
    | parameters    | trained values                             |
    | multiply_adds | of one forward pass on one sample          |
    """

    path: str
    layer: str
    shape: Shape
    parameters: int
    multiply_adds: int


def layer_rows(network: Network) -> tuple[LayerRow, ...]:
    """Return a row for every layer that holds a formula of its own, in forward order."""
    return tuple(
        LayerRow(
            cell.path,
            describe(cell.layer),
            cell.out_shape,
            sum(spec.size for spec in cell.layer.params(cell.in_shape).values()),
            cell.layer.multiply_adds(cell.in_shape),
        )
        for cell in network.leaves
    )


def describe(layer: Layer) -> str:
    """Return a layer as it is written in Python, without initializers and settings left at their defaults.

    >>> from koubai.layers import Conv2d, ReLU
    >>> describe(Conv2d(96, 11, stride=4)), describe(ReLU())
    ('Conv2d(96, 11, stride=4)', 'ReLU()')
    """
    settings = []
    for field in fields(layer):
        value = getattr(layer, field.name)
        if field.default is MISSING:
            settings.append(repr(value))
        elif value != field.default and not isinstance(value, Initializer):
            settings.append(f"{field.name}={value!r}")
    return f"{type(layer).__name__}({', '.join(settings)})"


def table_rows(network: Network) -> list[tuple[str, ...]]:
    """Return the rows as texts: heads in a language first, a line of totals last."""
    names = ("path", "layer", "output", "parameters", "multiply_adds")
    lines = [tuple(say(f"network.{name}") for name in names)]
    for row in layer_rows(network):
        shape = " x ".join(map(str, row.shape))
        lines.append((row.path, row.layer, shape, f"{row.parameters:,}", f"{row.multiply_adds:,}"))
    total = f"{network.parameter_count:,}", f"{network.multiply_adds:,}"
    return [*lines, (say("network.total"), "", "", *total)]


def layer_table(network: Network, lang: str | None = None) -> str:
    """Return the rows as a plain-text table with a line of totals, headed in a language."""
    with speaking(lang):
        lines = table_rows(network)
        widths = [max(_width(line[column]) for line in lines) for column in range(len(lines[0]))]
        rule = "  ".join("-" * width for width in widths)
        text = [
            "  ".join(_pad(cell, widths[i], right=i > 2) for i, cell in enumerate(line)) for line in lines
        ]
        return "\n".join(line.rstrip() for line in (text[0], rule, *text[1:-1], rule, text[-1]))


def _width(text: str) -> int:
    """Columns on a terminal: East Asian characters take two."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _pad(text: str, width: int, *, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space
