"""Terms and errata as text for a terminal, and as plain values for programs."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import indent
from typing import Any

from koubai.doctor.diagnoses.diagnosis import known
from koubai.study.errata import Erratum, errata
from koubai.study.glossary import title
from koubai.study.term import Term, code_of
from koubai.words import LANGUAGES, say, speaking

_SHOWN_HERE = ("computed", "measured")
"""Sources that are no citation: koubai's own command shows what is right."""
_LINES = 14
"""Lines of code that a terminal shows; of longer functions only the place is told."""


def tell_term(term: Term, lang: str | None = None) -> str:
    """Return all that is known of a term."""
    with speaking(lang):
        return "\n".join(_lines(term))


def _lines(term: Term) -> Iterator[str]:
    others = [term.title(other) for other in LANGUAGES if term.title(other) != term.title()]
    yield term.title() + (f"  [{', '.join(others)}]" if others else "")
    yield f"  {term.text()}"
    if term.formula:
        yield f"\n{_heading('formula')}\n  {term.formula}"
    if term.code:
        yield f"\n{_heading('code')}: {_code(term.code)}"
    for key in term.errata:
        yield f"\n{tell_erratum(errata()[key])}"
    if term.run:
        yield f"\n{_heading('run')}: {term.run}"
    if term.picture:
        yield f"{_heading('picture')}: koubai explain {term.key} -o {term.key}.html"
    if term.see:
        others = [title(key) for key in term.see]
        yield f"{_heading('see')}: {say('report.list').join(others)}"


def _heading(name: str) -> str:
    return say(f"study.heading.{name}")


def _code(target: str) -> str:
    """Return where a thing is computed, and its lines where they are few."""
    code = code_of(target)
    short = code.text and code.text.count("\n") < _LINES
    return f"koubai/{code.place}" + ("\n" + indent(code.text, "    ") if short else "")


def finding_line(name: str) -> str:
    """Return where a diagnosis is explained, in one line."""
    return say("study.finding", code=known()[name].code, title=say(f"diagnoses.{name}.title"))


def tell_erratum(slip: Erratum) -> str:
    """Return a slip of the notes, what is right, and by whom."""
    kind = "erratum" if slip.notes else "defect"
    head = say(f"study.{kind}", key=slip.key, notes=", ".join(slip.notes))
    return f"{head}\n  {slip.written()}\n  -> {slip.right()}\n     {source_of(slip)} {slip.run}"


def source_of(slip: Erratum) -> str:
    """Return who says what is right: a citation, the formula itself, or a measurement."""
    kind = slip.source if slip.source in _SHOWN_HERE else "cited"
    return say(f"study.source.{kind}", source=slip.source)


def term_facts(term: Term) -> dict[str, Any]:
    """Return a term as plain values, in every language."""
    code = code_of(term.code) if term.code else None
    return {
        "name": term.key,
        "title": {lang: term.title(lang) for lang in LANGUAGES},
        "text": {lang: term.text(lang) for lang in LANGUAGES},
        "formula": term.formula,
        "code": None if code is None else {"file": f"koubai/{code.place}", "text": code.text},
        "run": term.run,
        "aliases": list(term.spellings),
        "errata": [erratum_facts(errata()[key]) for key in term.errata],
        "see": list(term.see),
    }


def erratum_facts(slip: Erratum) -> dict[str, Any]:
    """Return a slip as plain values, in every language."""
    return {
        "name": slip.key,
        "notes": list(slip.notes),
        "written": {lang: slip.written(lang) for lang in LANGUAGES},
        "right": {lang: slip.right(lang) for lang in LANGUAGES},
        "source": slip.source,
        "run": slip.run,
    }
