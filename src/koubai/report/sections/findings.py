"""What the doctor found: one card a finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from koubai.report.numbers import number
from koubai.report.page import Card, Section
from koubai.words import say

_TONES = {"severe": "bad", "error": "bad", "critical": "bad", "warning": "open", "warn": "open"}


def findings_section(findings: Sequence[Mapping[str, Any]], lang: str | None = None) -> Section:
    """Return the cards of findings given as plain dicts; nothing wrong is said in one sentence."""
    title = say("report.section.findings", lang)
    if not findings:
        return Section("findings", title, text=(say("report.findings.healthy", lang),))
    return Section("findings", title, cards=tuple(_card(finding, lang) for finding in findings))


def _card(finding: Mapping[str, Any], lang: str | None) -> Card:
    place = [
        say(f"report.findings.{name}", lang, value=finding[name])
        for name in ("path", "step")
        if finding.get(name) not in (None, "")
    ]
    code = finding.get("code")
    title = str(finding.get("title") or finding.get("name", ""))
    return Card(
        tone=_TONES.get(str(finding.get("severity", "")), "open"),
        title=f"{title} ({code})" if code else title,
        place=say("report.list", lang).join(place),
        paragraphs=tuple(_evidence(finding.get("evidence"))),
        remedies=tuple(_remedy(remedy) for remedy in finding.get("remedies", ())),
    )


def _evidence(evidence: Any) -> list[str]:
    if isinstance(evidence, str):
        return [evidence]
    if isinstance(evidence, Mapping):
        parts = (f"{name}: {number(x) if isinstance(x, int | float) else x}" for name, x in evidence.items())
        return [", ".join(parts)]
    return [str(item) for item in evidence or ()]


def _remedy(remedy: Any) -> str:
    if isinstance(remedy, Mapping):
        return str(remedy.get("text") or remedy.get("title") or remedy.get("name", ""))
    return str(remedy)
