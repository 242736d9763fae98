"""`koubai explain`: what a diagnosis means, how it is recognized, and what to try."""

from __future__ import annotations

from typing import Annotated

from koubai.cli.output import option, print_json, print_table, style
from koubai.words import LANGUAGES, say


def explain(name: Annotated[str | None, option("doctor.cli.name")] = None) -> None:
    """Explain a diagnosis by code, name or alias, in English or Japanese; without one, list them all."""
    from koubai.doctor.diagnoses.diagnosis import known
    from koubai.doctor.names import named
    from koubai.doctor.tell import explain as text_of
    from koubai.doctor.tell import title_of

    if name is None:
        rows = sorted((diagnosis.code, found) for found, diagnosis in known().items())
        if style.json:
            print_json([{"code": code, "name": found, "title": title_of(found)} for code, found in rows])
        else:
            columns = [say(f"doctor.cli.column.{column}") for column in ("code", "name", "title")]
            print_table(columns, [[code, found, title_of(found)] for code, found in rows])
        return
    found = named(name)
    if style.json:
        print_json([_facts(one) for one in found])
    else:
        print("\n\n".join(text_of(one) for one in found))


def _facts(name: str) -> dict[str, object]:
    from koubai.doctor.diagnoses.diagnosis import known

    diagnosis = known()[name]
    texts = {
        key: {lang: say(f"diagnoses.{name}.{key}", lang) for lang in LANGUAGES}
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
