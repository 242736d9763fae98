"""Writes one page a diagnosis, from its file's docstring and from what a learner is told."""

from __future__ import annotations

import sys
from pathlib import Path

from pages import home, write

from koubai.doctor.diagnoses.diagnosis import Diagnosis, known
from koubai.words import LANGUAGES, say

_TITLE = {"en": "Diagnoses", "ja": "診断"}
_INDEX = {
    "en": """What the doctor can say about a run. It is silent while a run is healthy. Where several names
would fit, it tries a remedy of each for a few steps, and the one that restores progress names the cause.
`koubai explain NAME` tells the same in the terminal, by code, English or Japanese name.
""",
    "ja": """ドクターが学習について告げる診断の一覧です。学習が健康なら何も言いません。
当てはまる名前がいくつもあるときは、
それぞれの対策を数ステップだけ試し、学習が進むようになったものを原因と呼びます。
`koubai explain 名前` でも同じ説明が読めます。コード、英語名、日本語名のどれでも引けます。
""",
}
_WORDS = {
    "do": {"en": "What to do now.", "ja": "次にすること。"},
    "sign": {"en": "Recognized by", "ja": "見分け方:"},
    "table": {"en": "| remedy | cost |\n|---|---|", "ja": "| 対策 | 代償 |\n|---|---|"},
    "see": {"en": "See it yourself", "ja": "自分で確かめる"},
    "references": {"en": "References", "ja": "出典"},
}


def page(name: str, diagnosis: Diagnosis, lang: str) -> str:
    """Return the page of one diagnosis in Markdown.

    What it is and what it is confused with stand in the file's docstring, in English; Japanese has what a
    learner is told, and the references.
    """

    def told(part: str) -> str:
        return diagnosis.words(part, lang)

    written = {head: text.format(**diagnosis.limits) for head, text in headings(type(diagnosis)).items()}
    written.pop("Remedies", None)  # the table has them, with what they cost
    if lang == "en":
        first = f"{_sentence(written.pop('What it is'))} {_sentence(written.pop('Why it hurts'))}"
    else:
        first = f"{told('meaning')}{told('why')}"
        written = {_WORDS["references"][lang]: written["References"]}
    lines = [
        f"# {diagnosis.code} {told('title')}\n",
        f"{first}\n",
        f"**{_WORDS['do'][lang]}** {told('do')}\n",
        f"**{_WORDS['sign'][lang]}** {told('sign')}\n",
        *(f"{heading}\n: {_sentence(text)}\n" for heading, text in written.items()),
    ]
    if diagnosis.remedies:
        lines.append(_WORDS["table"][lang])
        lines += [
            f"| {say(f'remedies.{remedy}.title', lang)} | {say(f'remedies.{remedy}.cost', lang)} |"
            for remedy in diagnosis.remedies
        ]
        lines.append("")
    if diagnosis.experiment is not None:
        see = f"../experiments/{diagnosis.experiment}.md"
        lines.append(f"{_WORDS['see'][lang]}: [`koubai run {diagnosis.experiment}`]({see})\n")
    return "\n".join(lines)


def _sentence(text: str) -> str:
    """Return what stands behind a heading as a sentence of its own."""
    return text[:1].upper() + text[1:]


def headings(cls: type) -> dict[str, str]:
    """Return heading -> text of a diagnosis module's docstring, continuation lines joined."""
    found: dict[str, str] = {}
    last = ""
    for line in (sys.modules[cls.__module__].__doc__ or "").splitlines()[1:]:
        if line.startswith("    ") and last:
            found[last] += " " + line.strip()
        elif ": " in line:
            last, _, text = line.partition(": ")
            found[last] = text
    return found


def write_diagnoses(root: Path) -> None:
    """Write all pages and their index, in every language."""
    diagnoses = sorted(known().items(), key=lambda item: item[1].code)
    names = "\n".join(name for name, _ in diagnoses)
    for lang in LANGUAGES:
        pages = {name: page(name, diagnosis, lang) for name, diagnosis in diagnoses}
        index = f"# {_TITLE[lang]}\n\n{_INDEX[lang]}\n```{{toctree}}\n:maxdepth: 1\n\n{names}\n```\n"
        for name, text in {**pages, "index": index}.items():
            write(home(lang, root) / "diagnoses" / f"{name}.md", text)
