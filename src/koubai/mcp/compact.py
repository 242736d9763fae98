"""Answers of commands, cut down to what an agent weighs: sentences, evidence, trials, intervals."""

from __future__ import annotations

import json
from typing import Any

_FINDING = (
    "code",
    "name",
    "title",
    "severity",
    "says",
    "do",
    "layer",
    "place",
    "first_step",
    "confidence",
    "suspected",
    "relief",
    "evidence",
    "trials",
    "considered",
    "remedies",
)
_VERDICT = ("verdict", "unseen", "hints", "trials")
_COMPARISON = ("arm", "baseline", "pairs", "difference", "low", "high", "p", "p_holm")
_RESULT = ("question", "measure", "baseline", "sentences", "seconds", "pending", "stopped_by")
_DIGITS = 4


def verdict(answer: dict[str, Any]) -> dict[str, Any]:
    """Return a verdict without its curves."""
    findings = [_filled({name: finding.get(name) for name in _FINDING}) for finding in answer["findings"]]
    return _filled({name: answer.get(name) for name in _VERDICT}) | {"findings": findings}


def comparison(answer: dict[str, Any]) -> dict[str, Any]:
    """Return a paired experiment: each arm's measure with its values by seed, and the differences."""
    measure = answer["measure"]
    arms = [
        {
            "name": arm["name"],
            **(arm["scores"].get(measure) or {}),
            "collapsed": arm["collapsed"],
            "failures": arm["failures"][:3],
        }
        for arm in answer["arms"]
    ]
    differences = [{name: each[name] for name in _COMPARISON} for each in answer["comparisons"]]
    return {name: answer[name] for name in _RESULT} | {"arms": arms, "comparisons": differences}


def dump(plain: Any) -> str:
    """Return plain values as JSON without blanks, numbers to four digits."""
    return json.dumps(_rounded(plain), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _filled(plain: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in plain.items() if value not in (None, [], {})}


def _rounded(plain: Any) -> Any:
    if isinstance(plain, dict):
        return {name: _rounded(value) for name, value in plain.items()}
    if isinstance(plain, list | tuple):
        return [_rounded(value) for value in plain]
    return float(f"{plain:.{_DIGITS}g}") if isinstance(plain, float) else plain
