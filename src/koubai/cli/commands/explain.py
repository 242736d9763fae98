"""`koubai explain`: what a word of the field means, or a finding of the doctor; and where the notes slip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from koubai.cli.output import option, print_either, print_json, print_table, style
from koubai.core.errors import KoubaiError
from koubai.words import LANGUAGES, say

if TYPE_CHECKING:
    from koubai.study.errata import Erratum
    from koubai.study.term import Term

ERRATA = "errata"


def explain(
    name: Annotated[str | None, option("doctor.cli.name")] = None,
    *,
    out: Annotated[Path | None, option("study.cli.out", name=("--out", "-o"))] = None,
) -> None:
    """Explain a word or a diagnosis, in English or Japanese; without one, list them all."""
    from koubai.study.errata import errata
    from koubai.study.glossary import meaning

    if name is None:
        _list()
        return
    slips = errata()
    if name.lower() == ERRATA:
        _tell_errata(list(slips.values()))
        return
    if (slip := slips.get(name.upper())) is not None:
        _tell_errata([slip])
        return
    found = meaning(name)
    if out is not None:
        _write(found.terms, name, out)
    elif style.json:
        _print_facts(found.terms, found.diagnoses)
    else:
        _tell(found.terms, found.diagnoses)


def _tell(terms: tuple[Term, ...], diagnoses: tuple[str, ...]) -> None:
    """Print terms, then diagnoses: whole where they are what was asked for, else as a pointer."""
    from koubai.doctor.answer.tell import explain as text_of
    from koubai.study.tell import finding_line, tell_term

    asked = {term.key for term in terms} or set(diagnoses)
    told = [text_of(name) if name in asked else finding_line(name) for name in diagnoses]
    print("\n\n".join([*map(tell_term, terms), *told]))


def _print_facts(terms: tuple[Term, ...], diagnoses: tuple[str, ...]) -> None:
    from koubai.study.tell import term_facts

    print_json([*map(term_facts, terms), *map(_diagnosis_facts, diagnoses)])


def _diagnosis_facts(name: str) -> dict[str, object]:
    from koubai.doctor.diagnoses.diagnosis import known

    diagnosis = known()[name]
    texts = {
        key: {lang: diagnosis.words(key, lang) for lang in LANGUAGES}
        for key in ("title", "meaning", "why", "sign", "do")
    }
    return {
        "code": diagnosis.code,
        "name": name,
        **texts,
        "aliases": list(diagnosis.aliases),
        "remedies": list(diagnosis.remedies),
        "experiment": diagnosis.experiment,
    }


def _tell_errata(slips: list[Erratum]) -> None:
    from koubai.study.tell import erratum_facts, tell_erratum

    if style.json:
        print_json([erratum_facts(slip) for slip in slips])
    else:
        print("\n\n".join(map(tell_erratum, slips)))


def _write(terms: tuple[Term, ...], name: str, out: Path) -> None:
    """Write the page of the term that a word means."""
    from koubai.report.html import write_page
    from koubai.study.term_page import term_page

    if not terms:
        raise KoubaiError("diagnosis_has_no_page", where=name, hint="koubai report RUN --doctor")
    written = write_page(term_page(terms[0]), out)
    print_either({"page": str(written)}, say("report.cli.written", path=written))


def _list() -> None:
    from koubai.doctor.answer.tell import title_of
    from koubai.doctor.diagnoses.diagnosis import known
    from koubai.study.glossary import terms

    rows = sorted((diagnosis.code, found, title_of(found)) for found, diagnosis in known().items())
    words = [(term.key, term.title()) for term in terms().values()]
    if style.json:
        diagnoses = [{"code": code, "name": found, "title": title} for code, found, title in rows]
        print_json([*diagnoses, *({"code": None, "name": key, "title": title} for key, title in words)])
        return
    columns = [say(f"doctor.cli.column.{column}") for column in ("code", "name", "title")]
    print_table(columns, [list(row) for row in rows])
    print_table([say("study.list.name"), say("study.list.title")], [list(row) for row in words])
    print(say("study.list.errata"))
