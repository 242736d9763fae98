"""Judge: from everything that was found to what is said, root before symptom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from koubai.doctor.diagnoses.diagnosis import known
from koubai.doctor.finding import Considered, Finding

_DEPTH_COST = 0.1  # of relief: by so much must a symptom's treatment be better than its root's, a level apart
_SLACK = 0.3  # of the same: a root explains its symptoms although one of their treatments helped a bit more
_CERTAIN = 0.9  # weight of a sign that proves itself


def judge(found: Sequence[Finding], rejected: Sequence[Considered]) -> list[Finding]:
    """Order findings and drop those that follow from another.

    The name comes first that explains the others; between names that do not explain each other, that of
    the larger relief, less a small cost for each level away from what the user wrote. What follows from a
    finding before it becomes something that finding has considered.
    """
    alarms = sorted((f for f in found if f.alarm), key=_weight, reverse=True)
    notes = [f for f in found if not f.alarm]
    roots = {f.name: _root_of(f, alarms) for f in alarms}
    result = []
    for finding in alarms:
        if roots[finding.name] is not None:
            continue
        follows = [Considered(f.name, "follows", f.relief) for f in alarms if roots[f.name] == finding.name]
        others = [
            Considered(f.name, "less_likely", f.relief)
            for f in alarms
            if f is not finding and roots[f.name] is None
        ]
        result.append(replace(finding, considered=(*follows, *others, *rejected)))
    return result + notes


def _root_of(finding: Finding, alarms: Sequence[Finding]) -> str | None:
    """Return the name of the finding that explains this one and is not clearly weaker, at the root of it."""
    explaining = [
        other
        for other in alarms
        if finding.name in known()[other.name].explains
        and _weight(other) > _weight(finding) - _SLACK
        and not (other.name in known()[finding.name].explains and _weight(other) <= _weight(finding))
    ]
    if not explaining:
        return None
    return _root_of(explaining[0], alarms) or explaining[0].name


def _weight(finding: Finding) -> float:
    relief = finding.relief if finding.relief is not None else finding.confidence
    if finding.certain:
        relief = max(relief, _CERTAIN)
    return relief - _DEPTH_COST * known()[finding.name].depth
