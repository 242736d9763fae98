"""Writes one page a diagnosis, from its file's docstring and from what a learner is told."""

from __future__ import annotations

import sys
from pathlib import Path

from pages import write

from koubai.doctor.diagnoses.diagnosis import Diagnosis, known
from koubai.words import say

_INDEX = """What the doctor can say about a run. It is silent while a run is healthy. Where several names
would fit, it tries a remedy of each for a few steps, and the one that restores progress names the cause.
`koubai explain NAME` tells the same in the terminal, by code, English or Japanese name.
"""


def page(name: str, diagnosis: Diagnosis) -> str:
    """Return the page of one diagnosis in Markdown."""
    japanese = say(f"diagnoses.{name}.title", "ja")
    told = headings(type(diagnosis))
    lines = [
        f"# {diagnosis.code} {say(f'diagnoses.{name}.title', 'en')} ({japanese})\n",
        f"{_sentence(told.pop('What it is'))} {_sentence(told.pop('Why it hurts'))}\n",
        f"**What to do now.** {say(f'diagnoses.{name}.do', 'en')}\n",
        f"**Recognized by** {say(f'diagnoses.{name}.sign', 'en')}\n",
    ]
    told.pop("Remedies", None)  # the table has them, with what they cost
    lines += [f"{heading}\n: {_sentence(text)}\n" for heading, text in told.items()]
    if diagnosis.remedies:
        lines.append("| remedy | cost |\n|---|---|")
        lines += [
            f"| {say(f'remedies.{remedy}.title', 'en')} | {say(f'remedies.{remedy}.cost', 'en')} |"
            for remedy in diagnosis.remedies
        ]
        lines.append("")
    if diagnosis.experiment is not None:
        see = f"../experiments/{diagnosis.experiment}.md"
        lines.append(f"See it yourself: [`koubai run {diagnosis.experiment}`]({see})\n")
    lines.append("## 日本語\n")
    lines += [f"{say(f'diagnoses.{name}.{part}', 'ja')}\n" for part in ("meaning", "why", "do")]
    lines.append(f"見分け方: {say(f'diagnoses.{name}.sign', 'ja')}\n")
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


def write_diagnoses(folder: Path) -> None:
    """Write all pages and their index."""
    folder.mkdir(parents=True, exist_ok=True)
    diagnoses = sorted(known().items(), key=lambda item: item[1].code)
    pages = {name: page(name, diagnosis) for name, diagnosis in diagnoses}
    names = "\n".join(name for name, _ in diagnoses)
    index = f"# Diagnoses\n\n{_INDEX}\n```{{toctree}}\n:maxdepth: 1\n\n{names}\n```\n"
    for name, text in {**pages, "index": index}.items():
        write(folder / f"{name}.md", text)
