"""Findings as plain HTML for notebooks: what and where at once, the evidence one click below."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from koubai.core.markup import paragraph
from koubai.doctor.answer.tell import advice, sentence, tell, title
from koubai.doctor.answer.verdict import Verdict
from koubai.doctor.visit.finding import Finding
from koubai.words import say

_COLORS = {"info": "#0072B2", "warn": "#B37400", "severe": "#B22222"}


def findings_html(findings: Sequence[Finding], *, judged: bool = True) -> str:
    """Return every finding; that there is none is said only of a run that was `judged`."""
    if not findings:
        return paragraph(say("doctor.healthy" if judged else "doctor.notebook.nothing"), strong=True)
    return "".join(_finding(finding) for finding in findings)


def verdict_html(verdict: Verdict) -> str:
    """Return findings, healthy, or not judged; and what could not be asked, with what would help."""
    if verdict.name == "not_judged":
        head = paragraph(say("verdict.not_judged"), strong=True)
        head += findings_html(verdict.findings) if verdict.findings else ""
    else:
        head = findings_html(verdict.findings)
    gaps = "".join(f"<li>{escape(f'{gap.why()} {gap.help()}')}</li>" for gap in verdict.unseen)
    return head + (f"<ul>{gaps}</ul>" if gaps else "")


def _finding(finding: Finding) -> str:
    severity = say(f"doctor.severity.{finding.severity}")
    places = [say("doctor.line.where", layer=finding.layer)] if finding.layer is not None else []
    if finding.place is not None:
        role = say(f"doctor.role.{finding.place.role}")
        places.append(say("doctor.line.place", place=finding.place.shown, role=role))
    where = f"<br/>{escape('; '.join(places))}" if places else ""
    return (
        f'<div style="border-left:4px solid {_COLORS[finding.severity]};padding:2px 12px;margin:8px 0">'
        f"<strong>{escape(f'{finding.code} {title(finding)} [{severity}]')}</strong><br/>"
        f"{escape(sentence(finding))}{where}"
        f"<br/>{escape(say('doctor.line.do', text=advice(finding)))}"
        f"<details><summary>{escape(say('doctor.notebook.evidence'))}</summary>"
        f'<pre style="white-space:pre-wrap">{escape(tell([finding]))}</pre></details></div>'
    )
