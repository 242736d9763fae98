"""A measure in a heading, on an axis, in a cell; what measures are is the lab's business."""

from __future__ import annotations

from collections.abc import Callable

from koubai.lab.declare.measures import Measured, MeasureName, degree, is_share, lower_is_better
from koubai.report.numbers import number, percent
from koubai.words import entries, say

__all__ = ["WHOLE", "in_percent", "lower_is_better", "said", "superlative", "title", "writer"]

WHOLE = ("saturation", "zero_share")
"""Shares that mean something only against the whole scale from 0 to 1."""


def in_percent(measure: str) -> bool:
    """Return whether a measure is a share, written in percent."""
    return measure in WHOLE or is_share(measure)


def title(measure: str) -> str:
    """Return a measure's name as a heading."""
    if f"measure.{measure}" in entries("report"):
        return say(f"report.measure.{measure}")
    name = MeasureName(measure).say()
    return name[:1].upper() + name[1:]


def writer(measure: str) -> Callable[[float | None], str]:
    """Return how a measure's numbers are written."""
    return percent if in_percent(measure) else number


def said(measure: str, value: float | None) -> str:
    """Return a number of a measure in a sentence, with its unit."""
    return Measured(measure, float("nan") if value is None else value).say()


def superlative(measure: str) -> str:
    """Return which sentence compares arms: that of the highest, the largest or the most."""
    kind = "high" if measure in WHOLE else degree(measure)
    return "many" if kind == "high" else f"many_{kind}"
