"""A page before it is HTML: question, verdicts, facts, and sections of pictures and tables."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from koubai.report.picture import Picture, Table


@dataclass(frozen=True)
class Badge:
    """A verdict, or another thing to be seen at once: `tone` is good, bad, open or plain."""

    tone: str
    word: str
    text: str


@dataclass(frozen=True)
class TitledTable:
    """A table that stands for itself."""

    title: str
    table: Table
    note: str = ""


@dataclass(frozen=True)
class Card:
    """One finding: what, where, evidence, and what to do about it."""

    tone: str
    title: str
    place: str
    paragraphs: tuple[str, ...]
    remedies: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Section:
    """One chapter of a page; an empty one is not shown."""

    name: str
    title: str
    text: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    tables: tuple[TitledTable, ...] = ()
    cards: tuple[Card, ...] = ()
    code: str = ""

    def __bool__(self) -> bool:
        return bool(self.text or self.pictures or self.tables or self.cards or self.code)


@dataclass(frozen=True, eq=False)
class Page:
    """Everything one HTML file says, in one language; `lead` is the picture that answers the question."""

    lang: str
    kicker: str
    title: str
    badges: tuple[Badge, ...]
    sentences: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    footer: str
    lead: Picture | None = None

    @property
    def tally(self) -> list[tuple[str, str, int]]:
        """The verdicts in short: tone, word, how many."""
        counts = Counter((badge.tone, badge.word) for badge in self.badges)
        return [(tone, word, count) for (tone, word), count in counts.items()]
