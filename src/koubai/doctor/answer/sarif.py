"""Findings as SARIF 2.1.0, which code hosts show beside the file they are about."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from koubai import __version__
from koubai.doctor.answer.tell import hint_of, sentence, title_of
from koubai.doctor.answer.verdict import Verdict
from koubai.doctor.visit.finding import Finding
from koubai.words import say

_ROOT = "%SRCROOT%"
_LEVELS = {"info": "note", "warn": "warning", "severe": "error"}


def sarif(verdict: Verdict, subject: str) -> dict[str, Any]:
    """Return a SARIF log; `subject` is the recipe, script or run folder the verdict is about.

    What could not be judged stands among the notifications of the one invocation, and the verdict in the
    properties of the run.
    """
    findings = verdict.findings
    rules = {finding.code: finding for finding in findings}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "koubai doctor",
                        "semanticVersion": __version__,
                        **_address(),
                        "rules": [_rule(finding) for finding in rules.values()],
                    }
                },
                "originalUriBaseIds": {_ROOT: {"uri": f"{Path.cwd().as_uri()}/"}},
                "properties": {"verdict": verdict.name},
                "invocations": [
                    {
                        "executionSuccessful": True,
                        "toolExecutionNotifications": _notifications(verdict),
                    }
                ],
                "results": [_result(finding, subject) for finding in findings],
            }
        ],
    }


def _address() -> dict[str, str]:
    """Return where koubai is at home, if its package says so: the first of its addresses."""
    try:
        known = metadata("koubai").get_all("Project-URL") or []
    except PackageNotFoundError:
        known = []
    found = next((text.partition(",")[2].strip() for text in known), "")
    return {"informationUri": found} if found else {}


def _notifications(verdict: Verdict) -> list[dict[str, Any]]:
    """Return what could not be judged, how trials were made or why not, and hints."""
    level = "warning" if verdict.name == "not_judged" else "note"
    told = [(f"unseen/{gap.reason}", level, f"{gap.why()} {gap.help()}") for gap in verdict.unseen]
    if verdict.trials is not None and verdict.trials.says():
        told.append(("trials", "note", verdict.trials.says()))
    told += [("hint", "note", hint_of(trial)) for trial in verdict.hints]
    return [
        {"level": level, "descriptor": {"id": key}, "message": {"text": text}} for key, level, text in told
    ]


def _rule(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.code,
        "name": finding.name,
        "shortDescription": {"text": title_of(finding.name)},
        "fullDescription": {"text": say(f"diagnoses.{finding.name}.meaning")},
        "help": {"text": say(f"diagnoses.{finding.name}.do")},
    }


def _result(finding: Finding, subject: str) -> dict[str, Any]:
    place = finding.place.to_dict() if finding.place is not None else None
    uri = subject if place is None else Path(str(place["file"])).as_posix()
    artifact = {"uri": uri} if Path(uri).is_absolute() else {"uri": uri, "uriBaseId": _ROOT}
    physical: dict[str, Any] = {"artifactLocation": artifact}
    if place is not None:
        physical["region"] = {"startLine": place["line"]}
    location: dict[str, Any] = {"physicalLocation": physical}
    if finding.layer is not None:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.layer, "kind": "module"}]
    return {
        "ruleId": finding.code,
        "level": _LEVELS[finding.severity],
        "message": {"text": sentence(finding)},
        "locations": [location],
        "partialFingerprints": {"koubaiFinding/v1": _fingerprint(finding, uri)},
        "properties": finding.to_dict(),
    }


def _fingerprint(finding: Finding, uri: str) -> str:
    """Return what stays the same while the same finding is there, whatever its numbers and its line."""
    place = "" if finding.place is None else finding.place.role
    return hashlib.sha256("|".join((finding.code, uri, finding.layer or "", place)).encode()).hexdigest()[:32]
