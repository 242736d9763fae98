"""A measure in a heading, on an axis, in a cell; what measures are is the lab's business."""

from __future__ import annotations

from collections.abc import Callable

from koubai.lab.measures import MeasureName, is_share, lower_is_better
from koubai.report.numbers import number, percent

__all__ = ["is_share", "lower_is_better", "title", "writer"]


def title(measure: str, lang: str | None = None) -> str:
    """Return a measure's name as a heading."""
    name = MeasureName(measure).say(lang)
    return name[:1].upper() + name[1:]


def writer(measure: str) -> Callable[[float | None], str]:
    """Return how a measure's numbers are written."""
    return percent if is_share(measure) else number
