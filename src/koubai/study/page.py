"""The page of a term: what it is, its picture, its code, and what the notes say of it wrongly."""

from __future__ import annotations

from koubai import __version__
from koubai.report.page import Card, Page, Section
from koubai.study.errata import Erratum, errata
from koubai.study.glossary import title
from koubai.study.pictures import draw
from koubai.study.tell import source_of
from koubai.study.term import Term, code_of
from koubai.words import language, say


def term_page(term: Term, lang: str | None = None) -> Page:
    """Return one term as a page."""
    lang = lang or language()
    return Page(
        lang=lang,
        kicker=say("study.page.kicker", lang),
        title=term.title(lang),
        badges=(),
        sentences=(term.text(lang),),
        facts=_facts(term, lang),
        sections=tuple(section for section in _sections(term, lang) if section),
        footer=say("report.page.footer", lang, version=__version__),
    )


def _facts(term: Term, lang: str) -> tuple[tuple[str, str], ...]:
    facts = {
        "formula": term.formula,
        "run": term.run,
        "see": say("report.list", lang).join(title(key, lang) for key in term.see),
    }
    return tuple((say(f"study.heading.{name}", lang), text) for name, text in facts.items() if text)


def _sections(term: Term, lang: str) -> tuple[Section, ...]:
    pictures = (draw(term.picture, lang),) if term.picture else ()
    slips = tuple(_card(errata()[key], lang) for key in term.errata)
    code = code_of(term.code) if term.code else None
    place, text = (f"koubai/{code.place}", code.text) if code else ("", "")
    return (
        Section("picture", say("study.heading.picture", lang), pictures=pictures),
        Section("code", say("study.heading.code", lang), text=(place,) if place else (), code=text),
        Section("errata", say("study.heading.errata", lang), cards=slips),
    )


def _card(slip: Erratum, lang: str) -> Card:
    """Return a slip of the notes beside what is right."""
    paragraphs = (slip.written(lang), slip.right(lang), f"{source_of(slip, lang)} {slip.run}")
    return Card("open", slip.key, say("study.notes", lang, notes=", ".join(slip.notes)), paragraphs)
