"""Colors that everybody can tell apart, each with a dash and a marker so that no one needs the color.

The colors are those of Okabe and Ito 2008, "Color Universal Design", but for yellow, which is too pale for
a line on white. On a dark page some change places, so that the first three, which most figures need, have a
contrast of 3 to 1 on both.
"""

from __future__ import annotations

from dataclasses import dataclass

BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK = "#E69F00", "#56B4E9", "#000000"
GRAY = "#767676"
LIGHT_PAGE, DARK_PAGE = "#ffffff", "#14171b"

_LINES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "triangle-down")
_TRANSLUCENT = (0.07, 0.16, 0.4)

_SWAPPED = {BLUE: SKY, SKY: BLUE, BLACK: "#EDEDED", GRAY: "#9A9A9A"}


@dataclass(frozen=True)
class Style:
    """How one arm is drawn in every figure of a report."""

    color: str
    dash: str
    symbol: str


def style(i: int) -> Style:
    """Return the style of the i-th thing: 35 differ in color or dash."""
    return Style(_LINES[i % len(_LINES)], _DASHES[i % len(_DASHES)], _SYMBOLS[i % len(_SYMBOLS)])


def translucent(color: str, opacity: float) -> str:
    """Return "#rrggbb" as "rgba(r,g,b,opacity)", so that what lies behind shows through.

    >>> translucent("#0072B2", .16)
    'rgba(0,114,178,0.16)'
    """
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def dark_colors() -> dict[str, str]:
    """Return what each color of a light page becomes on a dark one."""
    pairs = dict(_SWAPPED)
    for light, dark in _SWAPPED.items():
        pairs |= {translucent(light, opacity): translucent(dark, opacity) for opacity in _TRANSLUCENT}
    return pairs
