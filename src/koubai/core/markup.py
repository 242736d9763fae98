"""Plain HTML for notebooks: tables and curves with drawn axes, without a script or a style sheet.

What is here looks the same in a notebook, in its saved file and in its export: colors are the reader's own
(`currentColor`) or those of Okabe and Ito, and every text is a text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from koubai.core.params import Array

WIDTH, HEIGHT = 640, 240  # of a picture, in pixels
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 12, 12, 52  # what axes and their texts take
_POINTS = 240  # of a curve; more are averaged
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
_LETTERS = "font-size:14px;font-family:sans-serif"


def block(*parts: str) -> str:
    """Return parts under each other."""
    return f'<div style="max-width:{WIDTH + 160}px">{"".join(parts)}</div>'


def paragraph(text: str, *, strong: bool = False) -> str:
    """Return a text as a paragraph; lines stay lines."""
    inner = escape(text).replace("\n", "<br/>")
    return f"<p>{f'<strong>{inner}</strong>' if strong else inner}</p>"


def table(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Return rows of text as a table, the first as its heads; `right` are the columns of numbers."""
    head, *body = rows

    def cells(row: Sequence[str], tag: str) -> str:
        return "".join(
            f'<{tag} style="text-align:{"right" if i in right else "left"}">{escape(cell)}</{tag}>'
            for i, cell in enumerate(row)
        )

    inside = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in body)
    return f"<table><thead><tr>{cells(head, 'th')}</tr></thead><tbody>{inside}</tbody></table>"


def curves(lines: Mapping[str, tuple[Array, Array]], across: str, up: str, title: str) -> str:
    """Return curves (x (N,), y (N,)) by name as a picture with both axes drawn; "" where there is none.

    What is not finite is left away. The y axis is logarithmic where all values are positive and span more
    than a factor of twenty.

    Args:
        lines: at most four.
        across: what the x axis says.
        up: what the y axis says.
        title: one sentence, for those who do not see the picture, and below it.
    """
    shown = {name: line for name, each in lines.items() if len((line := _drawn(*each))[0]) > 1}
    if not shown:
        return ""
    x = np.concatenate([line[0] for line in shown.values()])
    y = np.concatenate([line[1] for line in shown.values()])
    log = bool(y.min() > 0 and y.max() > 20 * y.min())
    span_x, span_y = (float(x.min()), float(x.max())), (float(y.min()), float(y.max()))
    parts = [_axes(span_x, span_y, across, up, log=log)]
    for (name, (a, b)), color in zip(shown.items(), _COLORS, strict=False):
        points = " ".join(
            f"{_place(u, span_x, _LEFT, WIDTH - _RIGHT):.1f},"
            f"{_place(v, span_y, HEIGHT - _BOTTOM, _TOP, log=log):.1f}"
            for u, v in zip(a, b, strict=True)
        )
        parts.append(
            f'<polyline fill="none" stroke="{color}" stroke-width="2" points="{points}">'
            f"<title>{escape(name)}</title></polyline>"
        )
    legend = "" if len(shown) == 1 else _legend(list(shown))
    return (
        f'<svg role="img" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'style="max-width:100%;{_LETTERS}"><title>{escape(title)}</title>{"".join(parts)}</svg>'
        f"{legend}{paragraph(title)}"
    )


def scale(low: float, high: float, width: int) -> str:
    """Return a horizontal axis with its ticks alone, for rows of marks above it."""
    ticks = "".join(
        f'<line x1="{(a := _place(tick, (low, high), 6, width - 6)):.1f}" x2="{a:.1f}" y1="0" y2="5" '
        f'stroke="currentColor"/><text x="{min(max(a, 18), width - 18):.1f}" y="20" text-anchor="middle" '
        f'fill="currentColor">{text}</text>'
        for tick, text in _told(_ticks(low, high, 3))
    )
    return (
        f'<svg width="{width}" height="24" style="{_LETTERS}" aria-hidden="true">'
        f'<line x1="6" x2="{width - 6}" y1="0" y2="0" stroke="currentColor"/>{ticks}</svg>'
    )


def _drawn(x: Array, y: Array) -> tuple[Array, Array]:
    """Return the finite points of a curve, averaged in groups where there are many."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    if len(x) <= _POINTS:
        return x, y
    groups = np.array_split(np.arange(len(x)), _POINTS)
    return np.array([x[g].mean() for g in groups]), np.array([y[g].mean() for g in groups])


def _place(value: float, span: tuple[float, float], first: float, last: float, *, log: bool = False) -> float:
    """Return the pixel of a value on an axis from `first` to `last`."""
    low, high = span
    if log:
        value, low, high = math.log(value), math.log(low), math.log(high)
    share = (value - low) / (high - low) if high > low else 0.5
    return first + share * (last - first)


def _axes(x: tuple[float, float], y: tuple[float, float], across: str, up: str, *, log: bool) -> str:
    bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    line = '<line x1="{}" y1="{}" x2="{}" y2="{}" stroke="currentColor" stroke-opacity="{}"/>'
    text = '<text x="{}" y="{}" text-anchor="{}" fill="currentColor">{}</text>'
    parts = [line.format(_LEFT, bottom, right, bottom, 1), line.format(_LEFT, _TOP, _LEFT, bottom, 1)]
    for tick, told in _told(_ticks(*x, 6)):
        a = round(_place(tick, x, _LEFT, right), 1)
        parts += [line.format(a, bottom, a, bottom + 5, 1), text.format(a, bottom + 20, "middle", told)]
    for tick, told in _told(_decades(*y) if log else _ticks(*y, 4)):
        b = round(_place(tick, y, bottom, _TOP, log=log), 1)
        parts += [line.format(_LEFT, b, right, b, 0.15), text.format(_LEFT - 8, b + 5, "end", told)]
    parts.append(text.format((_LEFT + right) / 2, HEIGHT - 10, "middle", escape(across)))
    middle = (_TOP + bottom) / 2
    parts.append(
        f'<text transform="translate(16,{middle}) rotate(-90)" text-anchor="middle" '
        f'fill="currentColor">{escape(up)}</text>'
    )
    return "".join(parts)


def _legend(names: list[str]) -> str:
    marks = (
        f'<span style="white-space:nowrap;margin-right:1em"><span style="color:{color}">&#9632;</span> '
        f"{escape(name)}</span>"
        for name, color in zip(names, _COLORS, strict=False)
    )
    return f"<p>{''.join(marks)}</p>"


def _ticks(low: float, high: float, about: int) -> list[float]:
    """Return round numbers within a span, some `about` of them: steps of 1, 2 or 5 times a power of ten.

    >>> _ticks(0, 1000, 5), _ticks(.12, .31, 4)
    ([0.0, 200.0, 400.0, 600.0, 800.0, 1000.0], [0.15, 0.2, 0.25, 0.3])
    """
    if not high > low:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(step * power for step in (1, 2, 5, 10) if step * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _decades(low: float, high: float) -> list[float]:
    """Return powers of ten within a span; where fewer than two are, twos and fives beside them.

    >>> _decades(.004, 3), _decades(.2, 5)
    ([0.01, 0.1, 1.0], [0.2, 0.5, 1.0, 2.0, 5.0])
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for times in ((1,), (1, 2, 5)):
        found = [m * 10.0**k for k in range(first, last + 1) for m in times]
        found = [round(tick, 12) for tick in found if low * 0.999 <= tick <= high * 1.001]
        if len(found) > 2:
            break
    every = max(1, len(found) // 6)
    return found[::every]


def _told(ticks: list[float]) -> list[tuple[float, str]]:
    """Return ticks with their texts, which all differ.

    >>> [text for _, text in _told([.95, .955])], [text for _, text in _told([0, 20000.])]
    (['0.95', '0.955'], ['0', '20,000'])
    """
    for digits in range(3, 12):
        texts = [
            f"{tick:,.0f}"
            if abs(tick) >= 1000 and tick == round(tick) and abs(tick) < 1e9
            else f"{tick:.{digits}g}"
            for tick in ticks
        ]
        if len(set(texts)) == len(ticks):
            break
    return list(zip(ticks, texts, strict=True))
