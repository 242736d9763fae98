"""Draws the outcome of an experiment as SVG: one line an arm, a dot a seed, a bar for the interval.

Written by hand so that the pages need nothing but a browser and stay small.
"""

from __future__ import annotations

from html import escape
from math import log10

import numpy as np

from koubai.core.params import Array
from koubai.lab.measures import MeasureName
from koubai.lab.result import Exhibit, ExperimentResult

_WIDTH, _LABELS, _ROW, _TOP, _RIGHT = 760, 260, 26, 18, 24
_DOT, _BAR, _TEXT, _GRID = "#2a6fbb", "#1b1b1b", "#444", "#d9d9d9"
_COLORS = ("#2a6fbb", "#c4581a", "#2e8b57", "#8b3fa0")
_DASHES = ("", "7 3", "2 3", "9 3 2 3")


def outcome(result: ExperimentResult) -> str:
    """Return the picture of an experiment: paths where it descends on a surface, else seeds and intervals."""
    paths = {
        name: exhibit
        for name in result.arms
        for run in result.of(name)
        for exhibit in run.exhibits
        if exhibit.kind == "path" and exhibit.arrays["points"].shape[1] == 2
    }
    return _paths(paths) if paths else _dots(result)


def _dots(result: ExperimentResult) -> str:
    measure = result.experiment.measure
    rows = [s for name in result.arms if (s := result.summary(name, measure)) is not None]
    values = np.array([value for row in rows for value in row.values.values()])
    share = measure.endswith("accuracy")
    logarithmic = not share and values.min() > 0 and values.max() / values.min() > 100
    low, high = (0.0, 1.0) if share else (float(values.min()), float(values.max()))
    ticks = _ticks(low, high, logarithmic)
    low, high = min(low, *ticks), max(high, *ticks)

    def x(value: float) -> float:
        at, a, b = (log10(max(v, low)) if logarithmic else v for v in (value, low, high))
        return _LABELS + (at - a) / ((b - a) or 1) * (_WIDTH - _LABELS - _RIGHT)

    height = _TOP + _ROW * len(rows) + 40
    parts = []
    for tick in ticks:
        text = f"{tick:.0%}" if share else f"{tick:g}"
        parts.append(_line(x(tick), _TOP, x(tick), _TOP + _ROW * len(rows), _GRID, 1))
        parts.append(_label(x(tick), _TOP + _ROW * len(rows) + 15, text, "middle"))
    for i, row in enumerate(rows):
        y = _TOP + _ROW * (i + 0.5)
        parts.append(_label(_LABELS - 12, y + 4, result.arms[row.arm].title("en"), "end"))
        if row.interval is not None:
            ends = (min(max(end, low), high) for end in (row.interval.low, row.interval.high))
            parts.append(_line(x(next(ends)), y, x(next(ends)), y, _BAR, 3))
        parts += [_dot(x(value), y) for value in row.values.values()]
        parts.append(_line(x(row.mean), y - 7, x(row.mean), y + 7, _BAR, 2))
    name = MeasureName(measure).say("en")
    parts.append(_label((_LABELS + _WIDTH - _RIGHT) / 2, height - 6, name, "middle"))
    title = f"{name} of every arm: a dot a seed, a stroke for the mean, a bar for its 95 % interval"
    return _document(height, title, parts)


def _paths(paths: dict[str, Exhibit]) -> str:
    height, margin = 380, 40
    points = {name: exhibit.arrays["points"] for name, exhibit in paths.items()}
    everything = np.concatenate([*points.values(), [[0.0, 0.0]]])
    low, high = everything.min(axis=0) - 0.3, everything.max(axis=0) + 0.3
    scale = np.array([_WIDTH - 2 * margin, height - 2 * margin]) / (high - low)

    def place(point: Array) -> tuple[float, float]:
        x, y = (point - low) * scale
        return margin + x, height - margin - y

    zero = place(np.zeros(2))
    parts = [
        _line(margin, zero[1], _WIDTH - margin, zero[1], _GRID, 1),
        _line(zero[0], margin, zero[0], height - margin, _GRID, 1),
    ]
    for i, (name, path) in enumerate(points.items()):
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, path))
        dash = f' stroke-dasharray="{_DASHES[i % 4]}"' if _DASHES[i % 4] else ""
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{_COLORS[i % 4]}" stroke-width="2"{dash}/>'
        )
        y = margin + 18 * i
        parts.append(_line(_WIDTH - 190, y - 4, _WIDTH - 150, y - 4, _COLORS[i % 4], 2, _DASHES[i % 4]))
        parts.append(_label(_WIDTH - 142, y, name, "start"))
    return _document(
        height, "The paths of the optimizers on the surface; the minimum is where the lines cross", parts
    )


def _ticks(low: float, high: float, logarithmic: bool) -> list[float]:
    if logarithmic:
        first, last = int(np.floor(log10(low))), int(np.ceil(log10(high)))
        return [10.0**e for e in range(first, last + 1, max(1, (last - first) // 6))]
    if high == low:
        return [low]
    step = 10 ** np.floor(log10((high - low) / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (factor * step) <= 6)
    return [float(t) for t in np.arange(np.floor(low / step), np.ceil(high / step) + 1) * step]


def _line(x1: float, y1: float, x2: float, y2: float, color: str, width: int, dash: str = "") -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    where = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {where} stroke="{color}" stroke-width="{width}"{dashed}/>'


def _dot(x: float, y: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{_DOT}" fill-opacity=".45"/>'


def _label(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{_TEXT}">{escape(text)}</text>'


def _document(height: float, title: str, parts: list[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" '
        f'font-family="sans-serif" font-size="13" role="img"><title>{escape(title)}</title>'
        f'<rect width="100%" height="100%" fill="#fff"/>'
    )
    return "\n".join([head, *parts, "</svg>\n"])
