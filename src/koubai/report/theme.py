"""The look of all figures: one Plotly template for light pages and one for dark ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from html import escape
from math import ceil, floor, log10
from typing import Any
from unicodedata import east_asian_width

from koubai.report.numbers import decades, number

FONTS = (
    'system-ui, -apple-system, "Segoe UI", "Hiragino Sans", "Hiragino Kaku Gothic ProN", "Yu Gothic UI", '
    '"Meiryo", "Noto Sans", "Noto Sans CJK JP", "Noto Sans JP", sans-serif'
)
TEXT = 14  # pixels: nothing in a figure is smaller
_COLUMN = 8  # pixels that a column of such text takes, at most
_INK = {False: ("#1f2328", "#59636e", "#dfe3e8"), True: ("#e6e8eb", "#a3adb8", "#363c44")}


@cache
def template(dark: bool = False) -> dict[str, Any]:
    """Return the layout that every figure starts from."""
    ink, soft, grid = _INK[dark]
    axis = {
        "gridcolor": grid,
        "linecolor": soft,
        "tickcolor": soft,
        "zeroline": False,
        "showline": True,
        "ticks": "outside",
        "ticklen": 4,
        "tickangle": 0,
        "automargin": True,
        "exponentformat": "power",
        "title": {"standoff": 8, "font": {"size": TEXT, "color": soft}},
        "tickfont": {"size": TEXT},
    }
    return {
        "layout": {
            "font": {"family": FONTS, "size": TEXT, "color": ink},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "margin": {"l": 56, "r": 16, "t": 8, "b": 44},
            "xaxis": axis,
            "yaxis": axis,
            "legend": {
                "orientation": "h",
                "x": 0,
                "y": 1.02,
                "xanchor": "left",
                "yanchor": "bottom",
                "font": {"size": TEXT},
            },
            "hoverlabel": {"font": {"family": FONTS, "size": TEXT}},
            "hovermode": "closest",
            "dragmode": False,
            "separators": ".,",
        }
    }


def step_axis(title: str) -> dict[str, Any]:
    """Return the axis of training steps: whole numbers, thousands separated, few enough to stay apart."""
    return {"title": {"text": title}, "tickformat": ",d", "nticks": 6}


def share_axis(low: float, high: float) -> dict[str, Any]:
    """Return how the ticks of shares from `low` to `high` are written, so that no two read alike.

    >>> share_axis(.2, .9), share_axis(.955, .975), share_axis(.9571, .9582)
    ({'tickformat': '.0%'}, {'tickformat': '.1%'}, {'tickformat': '.2%'})
    """
    return {"tickformat": f".{0 if high - low >= 0.1 else 1 if high - low >= 0.01 else 2}%"}


def log_axis(low: float, high: float, margin: float = 0.05) -> dict[str, Any]:
    """Return a logarithmic axis from `low` to `high`, both positive, with ticks a reader can say.

    Powers of ten where there are enough of them, else 1, 2, 5 and their tenfolds.

    >>> log_axis(1e-5, 1)["ticktext"], log_axis(.3, 2.5)["ticktext"]
    (['10⁻⁵', '10⁻⁴', '10⁻³', '10⁻²', '10⁻¹', '1'], ['0.5', '1', '2'])
    """
    bottom, top = log10(low), log10(high)
    pad = margin * max(top - bottom, 0.5)
    bottom, top = bottom - pad, top + pad
    whole = range(ceil(bottom), floor(top) + 1)
    if len(whole) >= 3:
        step = max(1, ceil(len(whole) / 7))
        powers = [float(power) for power in whole if power % step == 0]
        values, texts = [10.0**power for power in powers], decades(powers)
    else:
        fine = [digit * 10.0**power for power in range(floor(bottom), ceil(top) + 1) for digit in (1, 2, 5)]
        values = [value for value in fine if bottom <= log10(value) <= top]
        texts = [number(value) for value in values]
    return {"type": "log", "range": [bottom, top], "tickvals": values, "ticktext": texts}


def row_axis(names: Sequence[str]) -> dict[str, Any]:
    """Return an axis with one named row a thing, the first at the top, a hairline through each."""
    return {
        "tickvals": list(range(len(names))),
        "ticktext": [label(shorten(name, 44), 22) for name in names],
        "range": [len(names) - 0.4, -0.6],
        "ticks": "",
        "ticklabelstandoff": 6,
        "showline": False,
    }


def row_texts(texts: Sequence[str]) -> dict[str, Any]:
    """Return the layout that writes one text a row at the right end of a row axis."""
    notes = [
        {
            "x": 1,
            "xref": "paper",
            "xanchor": "left",
            "xshift": 6,
            "y": i,
            "text": "<br>".join(label(line) for line in text.split("\n")),
            "align": "left",
            "showarrow": False,
            "font": {"size": TEXT},
        }
        for i, text in enumerate(texts)
    ]
    widest = max((columns(line) for text in texts for line in text.split("\n")), default=0)
    return {"annotations": notes, "margin": {"l": 56, "r": 20 + _COLUMN * widest, "t": 8, "b": 44}}


def label(text: str, width: int = 0) -> str:
    """Return a name as text of a figure: never read as markup; wrapped at `width` columns.

    >>> label("sigmoid + <b>normal</b>"), label("a fairly long name", 8)
    ('sigmoid + &lt;b&gt;normal&lt;/b&gt;', 'a fairly<br>long<br>name')
    """
    lines = wrap_wide(text, width) if width else [text]
    return "<br>".join(escape(line, quote=False) for line in lines)


def columns(text: str) -> int:
    """Return how many columns a text takes: a Japanese character takes two.

    >>> columns("勾配 a")
    6
    """
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def shorten(text: str, width: int) -> str:
    """Return a text of at most `width` columns; what is cut is cut in the middle, names differ at the end.

    >>> shorten("a very long name of an arm, lambda .1", 20)
    'a very lo…lambda .1'
    """
    if columns(text) <= width:
        return text
    head, tail = text, text
    while columns(head) > (width - 2) // 2:
        head = head[:-1]
    while columns(tail) > width - 1 - (width - 2) // 2:
        tail = tail[1:]
    return f"{head.rstrip()}…{tail.lstrip()}"


def wrap_wide(text: str, width: int) -> list[str]:
    """Break a text at `width` columns, between words where there are any.

    >>> wrap_wide("勾配消失問題", 6), wrap_wide("abcdefghij kl", 4)
    (['勾配消', '失問題'], ['abcd', 'efgh', 'ij', 'kl'])
    """
    lines, line = [], ""
    for word in text.split():
        joined = f"{line} {word}".strip()
        if columns(joined) <= width:
            line = joined
            continue
        lines += [line] if line else []
        line = ""
        for letter in word:
            if columns(line + letter) > width:
                lines.append(line)
                line = ""
            line += letter
    return [*lines, line] if line or not lines else lines
