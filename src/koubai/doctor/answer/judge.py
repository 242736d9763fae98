"""Judge: from everything that was found to what is said, root before symptom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from koubai.doctor.diagnoses.diagnosis import known
from koubai.doctor.visit.finding import Considered, Finding

_DEPTH_COST = 0.1  # of relief: by so much must a symptom's treatment be better than its root's, a level apart
_SLACK = 0.3  # of the same: a root explains its symptoms although one of their treatments helped a bit more
_CERTAIN = 0.9  # weight of a sign that proves itself
_UNTRIED = 0.5  # of one that does not, where nothing was tried


def judge(found: Sequence[Finding], rejected: Sequence[Considered]) -> list[Finding]:
    """Order findings and drop those that follow from another.

    The name comes first that explains the others; between names that do not explain each other, that of
    the larger relief, less a small cost for each level away from what the user wrote; of equals, that which
    explains more. What follows from a
    finding before it becomes something that finding has considered.
    """
    told = [f for f in found if f.alarm]
    many = {f.name: sum(_explains(f, other) for other in told) for f in told}
    alarms = sorted(told, key=lambda f: (_weight(f), many[f.name]), reverse=True)
    notes = [f for f in found if not f.alarm]
    roots = _roots(alarms)
    result = []
    for finding in alarms:
        if finding.name in roots:
            continue
        follows = [
            Considered(f.name, "follows", f.relief) for f in alarms if roots.get(f.name) == finding.name
        ]
        others = [
            Considered(f.name, "less_likely", f.relief)
            for f in alarms
            if f is not finding and f.name not in roots
        ]
        result.append(replace(finding, considered=(*follows, *others, *rejected)))
    return result + notes


def _roots(alarms: Sequence[Finding]) -> dict[str, str]:
    """Return symptom -> root, for the alarms in order of weight.

    A finding follows from a heavier one that explains it; or from one that is a little lighter, nearer to
    what the user wrote, and not explained by it.
    """
    roots: dict[str, str] = {}
    for i, finding in enumerate(alarms):
        heavier = [
            other.name for other in alarms[:i] if other.name not in roots and _explains(other, finding)
        ]
        lighter = [
            other.name
            for other in alarms[i + 1 :]
            if _explains(other, finding)
            and not _explains(finding, other)
            and known()[other.name].depth < known()[finding.name].depth
            and _weight(other) > _weight(finding) - _SLACK
        ]
        if heavier or lighter:
            roots[finding.name] = (heavier or lighter)[0]
    return roots


def _explains(root: Finding, symptom: Finding) -> bool:
    may = symptom.name in known()[root.name].explains
    return may and known()[symptom.name].may_follow(symptom, root)


def _weight(finding: Finding) -> float:
    relief = finding.relief if finding.relief is not None else _UNTRIED
    if finding.certain:
        relief = max(relief, _CERTAIN)
    return relief - _DEPTH_COST * known()[finding.name].depth
