"""The page of a term: what it is, its picture, its code, and what the notes say of it wrongly."""

from __future__ import annotations

from koubai import __version__
from koubai.report.page import Card, Page, Section
from koubai.study.errata import Erratum, errata
from koubai.study.glossary import title
from koubai.study.pictures import draw
from koubai.study.tell import source_of
from koubai.study.term import Term, code_of
from koubai.words import language, say, speaking


def term_page(term: Term, lang: str | None = None) -> Page:
    """Return one term as a page."""
    with speaking(lang):
        return _page(term)


def _page(term: Term) -> Page:
    return Page(
        lang=language(),
        kicker=say("study.page.kicker"),
        title=term.title(),
        badges=(),
        sentences=(term.text(),),
        facts=_facts(term),
        sections=tuple(section for section in _sections(term) if section),
        footer=say("report.page.footer", version=__version__),
    )


def _facts(term: Term) -> tuple[tuple[str, str], ...]:
    facts = {
        "formula": term.formula,
        "run": term.run,
        "see": say("report.list").join(title(key) for key in term.see),
    }
    return tuple((say(f"study.heading.{name}"), text) for name, text in facts.items() if text)


def _sections(term: Term) -> tuple[Section, ...]:
    pictures = (draw(term.picture),) if term.picture else ()
    slips = tuple(_card(errata()[key]) for key in term.errata)
    code = code_of(term.code) if term.code else None
    place, text = (f"koubai/{code.place}", code.text) if code else ("", "")
    return (
        Section("picture", say("study.heading.picture"), pictures=pictures),
        Section("code", say("study.heading.code"), text=(place,) if place else (), code=text),
        Section("errata", say("study.heading.errata"), cards=slips),
    )


def _card(slip: Erratum) -> Card:
    """Return a slip of the notes beside what is right."""
    paragraphs = (slip.written(), slip.right(), f"{source_of(slip)} {slip.run}")
    return Card("open", slip.key, say("study.notes", notes=", ".join(slip.notes)), paragraphs)
