"""Treatments: what can be changed from outside against what was found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from koubai.doctor.patient.clinic import Change
from koubai.doctor.patient.tried_remedies import BY_NAME, REMEDIES
from koubai.doctor.visit.finding import Finding


def treatments(findings: Iterable[Finding], hints: Iterable[Change] = ()) -> Iterator[Change]:
    """Go through what can be changed from outside against findings, then what did better in a trial."""
    for finding in findings:
        yield from (REMEDIES[name] for name in finding.remedies if name in REMEDIES)
        if finding.name in BY_NAME:
            yield BY_NAME[finding.name]
    yield from hints
