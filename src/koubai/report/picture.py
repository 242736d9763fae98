"""Picture: a figure that cannot be made without its sentence and its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from koubai.report.drawing import Drawing
from koubai.words import language, say

MOST_PANELS = 6
"""Panels of curves in one picture; beyond, they are chosen evenly over a factor's levels."""


@dataclass(frozen=True)
class Table:
    """Numbers as a reader sees them; the first `headings` columns name the row, `text` more hold words."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    headings: int = 1
    text: int = 0


@dataclass(frozen=True, eq=False)
class Panel:
    """One figure of a picture; the title is empty where there is only one."""

    title: str
    figure: Drawing


@dataclass(frozen=True, eq=False)
class Picture:
    """What one sees, in three forms: drawn, said in one sentence, and as numbers.

    | field   | meaning                                                                      |
    |---------|------------------------------------------------------------------------------|
    | name    | anchor in a page, unique there                                               |
    | summary | one sentence that replaces the drawing for somebody who does not see it      |
    | note    | how to read the drawing                                                      |
    """

    name: str
    title: str
    summary: str
    panels: tuple[Panel, ...]
    table: Table
    note: str = ""


def place(*parts: str) -> str:
    """Return where something is, from the parts that are there: 'ReLU + He, layer 1 Linear, update 20'."""
    return say("report.list").join(part for part in parts if part)


def of_many(picture: Picture, total: int) -> Picture:
    """Return a picture whose note says how many panels of how many it shows, where it does not show all."""
    shown = len(picture.panels)
    if shown >= total:
        return picture
    some = say("report.some", shown=shown, total=total)
    return replace(picture, note=join_sentences([some, picture.note]))


def thin(count: int, limit: int) -> list[int]:
    """Return at most `limit` positions of `count`, evenly spread, the first and the last among them.

    >>> thin(5, 10), thin(11, 3)
    ([0, 1, 2, 3, 4], [0, 5, 10])
    """
    if count <= limit:
        return list(range(count))
    return sorted({round(i * (count - 1) / (limit - 1)) for i in range(limit)})


def join_sentences(sentences: Sequence[str]) -> str:
    """Return sentences as one paragraph; Japanese puts no space between them."""
    return ("" if language() == "ja" else " ").join(sentence for sentence in sentences if sentence)
