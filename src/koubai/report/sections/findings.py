"""What the doctor found: one card a finding, in the words of the doctor's catalog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from koubai.report.layers import Layers
from koubai.report.numbers import number
from koubai.report.page import Card, Section
from koubai.report.picture import place
from koubai.words import areas, entries, say

_TONES = {"severe": "bad", "warn": "open", "info": "plain"}


def findings_section(findings: Sequence[Mapping[str, Any]] | None, layers: Layers) -> Section:
    """Return a card for every finding (see Finding.to_dict); nothing if the doctor was not asked (None)."""
    if findings is None:
        return Section("findings", "")
    title = say("report.section.findings")
    if not findings:
        return Section("findings", title, text=(say("report.findings.healthy"),))
    return Section("findings", title, cards=tuple(_card(finding, layers) for finding in findings))


def _card(finding: Mapping[str, Any], layers: Layers) -> Card:
    name = str(finding["name"])
    layer, step = layers.title(finding.get("layer") or ""), finding.get("first_step")
    where = place(
        say("report.place.layer", layer=layer) if layer else "",
        say(f"report.findings.{'step' if step else 'start'}", step=step) if step is not None else "",
    )
    code = finding.get("code")
    title = _spoken("diagnoses", f"{name}.title") or _readable(name)
    title = say("doctor.suspected", title=title) if finding.get("suspected") is True else title
    return Card(
        tone=_TONES.get(str(finding.get("severity")), "open"),
        title=f"{title} ({code})" if code else title,
        place=where,
        paragraphs=tuple(_paragraphs(name, finding, layer)),
        remedies=tuple(
            _spoken("remedies", f"{remedy}.title") or _readable(remedy)
            for remedy in finding.get("remedies", ())
        ),
    )


def _paragraphs(name: str, finding: Mapping[str, Any], layer: str) -> Iterator[str]:
    """Yield what is seen, what it means, what to do, and the numbers with their thresholds."""
    values = {key: _number_in(value) for key, value in finding.get("details", {}).items()}
    values = {"step": finding.get("first_step"), **values, "layer": layer}
    for entry in ("says", "meaning", "do"):
        if text := _spoken("diagnoses", f"{name}.{entry}", **values):
            yield text
    numbers = [_evidence(row) for row in finding.get("evidence", ())]
    if numbers:
        yield say("report.findings.evidence", numbers=say("report.list").join(numbers))


def _evidence(row: Mapping[str, Any]) -> str:
    name = _spoken("doctor", f"measure.{row['measure']}") or _readable(row["measure"])
    text = f"{name} {number(_number_in(row['value']))}"
    if row.get("threshold") is None:
        return text
    key = f"report.findings.{row.get('sick', 'above')}"
    return f"{text} {say(key, threshold=number(_number_in(row['threshold'])))}"


def _spoken(area: str, key: str, **values: Any) -> str:
    """Return an entry of the doctor's words; "" where it has none, or where a finding lacks its numbers."""
    if area not in areas() or key not in entries(area):
        return ""
    try:
        return say(f"{area}.{key}", **values)
    except (KeyError, ValueError, TypeError):  # a finding written by another version
        return ""


def _number_in(value: Any) -> Any:
    """Return the number that JSON had to write as a word."""
    return float(value) if value in ("nan", "inf", "-inf") else value


def _readable(name: str) -> str:
    return name.replace("_", " ")
