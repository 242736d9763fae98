"""Judge: from everything that was found to what is said, root before symptom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from koubai.doctor.diagnoses.diagnosis import known
from koubai.doctor.finding import Considered, Finding

_DEPTH_COST = 0.1  # of relief: by so much must a symptom's treatment be better than its root's, a level apart


def judge(found: Sequence[Finding], rejected: Sequence[Considered]) -> list[Finding]:
    """Order findings and drop those that follow from another.

    The name comes first that explains the others; between names that do not explain each other, that of
    the larger relief, less a small cost for each level away from what the user wrote. What follows from a
    finding before it becomes something that finding has considered.
    """
    alarms = sorted((f for f in found if f.alarm), key=_rank)
    notes = [f for f in found if not f.alarm]
    kept: list[Finding] = []
    dropped: dict[str, list[Considered]] = {}
    for finding in alarms:
        root = next((k for k in kept if finding.name in known()[k.name].explains), None)
        if root is None:
            kept.append(finding)
        else:
            dropped.setdefault(root.name, []).append(Considered(finding.name, "follows", finding.relief))
    result = []
    for finding in kept:
        others = [Considered(f.name, "less_likely", f.relief) for f in kept if f is not finding]
        result.append(replace(finding, considered=(*dropped.get(finding.name, []), *others, *rejected)))
    return result + notes


def _rank(finding: Finding) -> float:
    relief = finding.relief if finding.relief is not None else finding.confidence
    return -(relief - _DEPTH_COST * known()[finding.name].depth)
