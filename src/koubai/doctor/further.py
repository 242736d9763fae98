"""Further: what trials on a program find where no sign does, or where harm cannot be measured.

Asked only where a run is known to do badly, where nothing tells how well it does, or where somebody wants
more than an answer to what is wrong (`--thorough`). All changes are tried over few updates; what is ahead
of the unchanged run there, over more. What then ends lower than the unchanged run over the same updates
*and* lower than the run itself is an alarm if the run is known to do badly or is far behind; else it is a
hint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from koubai.doctor.diagnoses.diagnosis import CURED, Sign, known
from koubai.doctor.patient.beside import levels
from koubai.doctor.patient.clinic import Change, ProgramClinic, Trial
from koubai.doctor.patient.tried_remedies import remedy_of
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Considered, Finding

_HALF = 0.5  # of the way that a change went, the run did not go: it is far behind
_HINT = 0.1  # the same share, from which on it is worth a word
_MOST = 2  # changes that are tried over many updates
_AHEAD = (
    0.1  # of the way that a change went in few updates, the unchanged run did not go: it may be worth more
)
_FEW = 40  # updates, below which a run is too short for trials

LOWER = tuple(Change("learning_rate", factor) for factor in (0.1, 0.01, 0.001))
HIGHER = tuple(Change("learning_rate", factor) for factor in (10.0, 100.0, 1000.0))
OTHERS = (
    Change("adam", 1e-3),
    Change("sgd", 0.1),
    Change("clip", 1.0),
    Change("reset_gradients"),
    Change("train_mode"),
    Change("no_decay"),
    Change("standardize_inputs"),
    Change("init_new"),
    Change("init_scale", 0.1),
    Change("init_scale", 10.0),
)
MORE = (  # where thorough
    Change("no_schedule"),
    Change("warm_up", 100.0),
    Change("no_clip"),
    Change("no_dropout"),
    Change("init_suitable"),
    Change("residual_scale"),
    Change("double"),
)
_NAMES = {
    **dict.fromkeys(LOWER, "learning_rate_too_high"),
    **dict.fromkeys(HIGHER, "learning_rate_too_low"),
    Change("clip", 1.0): "exploding_gradient",
    Change("reset_gradients"): "gradients_not_reset",
    Change("train_mode"): "trained_in_test_mode",
    Change("no_decay"): "over_regularized",
    Change("standardize_inputs"): "data_not_normalized",
    Change("init_scale", 0.1): "init_too_large",
    Change("init_scale", 10.0): "init_too_small",
}
"""What is wrong where a change helps. Another optimizer or new weights help against much: no name."""


def look_further(visit: Consultation, rejected: Sequence[Considered]) -> tuple[list[Finding], list[Trial]]:
    """Return what trials find, the alarm and the hints; nothing where there is nothing to ask."""
    if not (visit.patient.thorough or _doubtful(visit, rejected)):
        return [], []
    clinic = visit.patient.clinic
    if clinic is None or clinic.way == "twin" or not clinic.works:
        return [], []
    program = cast(ProgramClinic, clinic)
    ahead = _ahead(program, thorough=visit.patient.thorough)[:_MOST]
    best = [trial for trial in map(visit.trial, ahead) if trial is not None]
    best = sorted((t for t in best if visit.relief(t)), key=lambda t: -round(visit.relief(t) or 0.0, 1))
    if not best:
        return [], []
    first, relief = best[0], visit.relief(best[0]) or 0.0
    name = _NAMES.get(first.change)
    if name is not None and _is_alarm(visit, program, first, relief):
        return [_finding(visit, name, first, relief, tuple(best), rejected)], []
    return [], [first] if relief >= _HINT else []


def _doubtful(visit: Consultation, rejected: Sequence[Considered]) -> bool:
    """Whether there is something to ask: harm without a name, or a sign where harm is not known."""
    if not visit.patient.loss_speaks or visit.patient.step < _FEW:
        return False
    if visit.harmed:
        return True
    if visit.comparable:
        return False
    signs = {other.name for other in rejected if other.reason == "no_harm"}
    return bool(signs & set(_NAMES.values())) or not visit.progressing


def _ahead(clinic: ProgramClinic, *, thorough: bool) -> list[Change]:
    """Screen all changes; return those that are ahead of the unchanged run, the best first."""
    short: dict[Change, Trial | None] = {}
    for group in (HIGHER, LOWER, OTHERS, MORE if thorough else ()):
        short |= clinic.screen(group)
    shares = {change: levels(trial).ahead for change, trial in short.items() if trial is not None}
    ends = {change: levels(trial).changed for change, trial in short.items() if trial is not None}
    wanted = [change for change, share in shares.items() if share >= _AHEAD]
    return sorted(wanted, key=lambda change: (ends[change], list(short).index(change)))


def _is_alarm(visit: Consultation, clinic: ProgramClinic, trial: Trial, relief: float) -> bool:
    """Whether the run is sick: known to do badly, or far behind what one change reaches.

    Ten times the rate may well be faster in a run that is young; where a hundred times is, too, the rate is
    far off. A run that has clearly learned and still does is no sick one: that it could be faster is a hint.
    One that is to answer values, and ends further from them than their mean is, has not learned that much.
    """
    values = visit.patient.data.classes is None
    if visit.on_its_way and trial.change in HIGHER and not (values and visit.stuck):
        return False
    if visit.harmed:
        return relief >= CURED
    if visit.comparable:
        return False
    if trial.change in HIGHER:
        hundred = clinic.screen(HIGHER)[HIGHER[1]]
        return relief >= _HALF and hundred is not None and levels(hundred).ahead >= _HALF
    return trial.change in LOWER and relief >= _HALF


def _finding(
    visit: Consultation,
    name: str,
    trial: Trial,
    relief: float,
    trials: tuple[Trial, ...],
    rejected: Sequence[Considered],
) -> Finding:
    """Return a finding whose evidence is a trial."""
    reached = levels(trial)
    details = {
        "fault": "trial",
        "change": str(trial.change),
        "after": reached.changed,
        "then": reached.unchanged,
        "end": reached.run,
        "steps": len(trial.losses),
    }
    remedy = remedy_of(trial.change)
    sign = Sign(
        (), None, None, "severe" if visit.harmed and visit.shortfall > _HALF else "warn", details=details
    )
    reliefs = {} if remedy is None else {remedy: relief}
    found = known()[name].finding(visit, sign, relief, reliefs, trials)
    return replace(found, considered=tuple(rejected))
