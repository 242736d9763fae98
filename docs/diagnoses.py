"""Writes one page a diagnosis, from its file's docstring and from what a learner is told."""

from __future__ import annotations

import sys
from pathlib import Path

from koubai.doctor.diagnoses.diagnosis import Diagnosis, known
from koubai.words import say


def page(name: str, diagnosis: Diagnosis) -> str:
    """Return the page of one diagnosis in Markdown."""
    japanese = say(f"diagnoses.{name}.title", "ja")
    lines = [
        f"# {diagnosis.code} {say(f'diagnoses.{name}.title', 'en')} ({japanese})\n",
        say(f"diagnoses.{name}.meaning", "en") + " " + say(f"diagnoses.{name}.why", "en") + "\n",
        f"**What to do now.** {say(f'diagnoses.{name}.do', 'en')}\n",
        f"**Recognized by** {say(f'diagnoses.{name}.sign', 'en')}\n",
    ]
    lines += [f"{heading}\n: {text}\n" for heading, text in headings(type(diagnosis)).items()]
    if diagnosis.remedies:
        lines.append("| remedy | cost |\n|---|---|")
        lines += [
            f"| {say(f'remedies.{remedy}.title', 'en')} | {say(f'remedies.{remedy}.cost', 'en')} |"
            for remedy in diagnosis.remedies
        ]
        lines.append("")
    if diagnosis.experiment is not None:
        lines.append(f"See it yourself: `koubai run {diagnosis.experiment}`\n")
    return "\n".join(lines)


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


def write_diagnoses(folder: Path) -> None:
    """Write all pages and their index; pages that did not change stay as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    diagnoses = sorted(known().items(), key=lambda item: item[1].code)
    pages = {name: page(name, diagnosis) for name, diagnosis in diagnoses}
    names = "\n".join(name for name, _ in diagnoses)
    index = f"# Diagnoses\n\n```{{toctree}}\n:maxdepth: 1\n\n{names}\n```\n"
    for name, text in {**pages, "index": index}.items():
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
