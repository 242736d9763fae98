"""Diagnose: from a run, a session or a patient to findings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from koubai.doctor.answer.judge import judge
from koubai.doctor.diagnoses.diagnosis import known
from koubai.doctor.further import look_further
from koubai.doctor.patient.patient import Patient
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Considered, Finding

if TYPE_CHECKING:
    from koubai.train.session import Session
    from koubai.train.train import Run


def diagnose(subject: Run | Session | Patient, *, budget: float = 20.0) -> list[Finding]:
    """Return what is wrong, the root first; [] when nothing is.

    `budget` bounds the training spent on interventions, in multiples of the run (not for a Patient, which
    brings its own clinic); 0 only looks at records.
    """
    if isinstance(subject, Patient):
        return consult(Consultation(subject))
    from koubai.doctor.visit.session_patient import session_patient
    from koubai.train.train import Run

    session = subject.session if isinstance(subject, Run) else subject
    return consult(Consultation(session_patient(session, budget=budget)))


_NO_CAUSE = "not_learning"  # says what came of it: trials may still find why


def consult(visit: Consultation) -> list[Finding]:
    """Ask every diagnosis, root causes first (they deserve the budget), and judge."""
    found: list[Finding] = []
    rejected: list[Considered] = []
    for diagnosis in sorted(known().values(), key=lambda d: (d.depth, d.code)):
        answer = diagnosis.examine(visit)
        if isinstance(answer, Finding):
            found.append(answer)
        elif isinstance(answer, Considered):
            rejected.append(answer)
    findings = judge(found, rejected)
    alarms = [finding.name for finding in findings if finding.alarm]
    if set(alarms) <= {_NO_CAUSE}:
        more, visit.hints = look_further(visit, rejected)
        if not alarms:
            return [*more, *findings]
        findings = judge([*more, *found], rejected) if more else findings
    return [prescribe(visit, findings[0]), *findings[1:]] if visit.can_try else findings


def prescribe(visit: Consultation, finding: Finding) -> Finding:
    """Try the remedies of a finding that were not tried yet; put those that help first."""
    diagnosis = known()[finding.name]
    reliefs, trials = dict(finding.reliefs), list(finding.trials)
    for name in finding.remedies:
        trial = visit.remedy(name) if name not in reliefs else None
        if trial is not None:
            reliefs[name] = diagnosis.relief(visit, trial)
            trials.append(trial)
    order = sorted(finding.remedies, key=lambda name: -round(reliefs.get(name, 0.0), 1))
    return replace(finding, remedies=tuple(order), reliefs=reliefs, trials=tuple(trials))
