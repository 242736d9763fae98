"""Gaps: which questions a watch could not ask. A run is healthy only where none was left open."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np

from koubai.doctor.answer.verdict import Unseen
from koubai.doctor.diagnoses.loss_without_bound import endless
from koubai.doctor.visit.consultation import HARMED, SHORT, STUCK, Consultation
from koubai.doctor.visit.finding import Finding
from koubai.doctor.visit.reference import can_be_learned_from
from koubai.doctor.watch.checkups.beaten import beaten
from koubai.doctor.watch.seen.seen import Seen

_JUMPED = 1.0  # times its first value, by which the mean of the first losses lies above that: no scatter
_FEWEST = 40  # samples of an evaluation from which its skill is told
_GAINED = 0.02  # of skill; less is not known from nothing
_THIRD = 5  # means of losses
_NO_CAUSE = ("at_chance", "hardly", "held_at_chance", "unexplained")  # say that none was found
_FALLEN = 0.95  # of the loss at the start: a loss of an unknown kind that fell below it shows progress


def gaps(seen: Seen, visit: Consultation, findings: Sequence[Finding]) -> tuple[Unseen, ...]:
    """Return what could not be judged, the most telling first, beside these findings."""
    losses = visit.patient.losses
    updates = max(seen.step, seen.evaluations)
    found = []
    if seen.failure is not None:
        found.append(Unseen("failed", {"error": seen.failure, "step": seen.step}))
    if seen.died is not None:
        found.append(Unseen("died", {"error": seen.died, "step": seen.step}))
    if not seen.step:
        found.append(Unseen("steps"))
    elif not len(losses):
        found.append(Unseen("loss"))
    elif seen.need_not_fall is not None:
        found.append(Unseen(seen.need_not_fall))
    elif visit.patient.origin is not None and visit.patient.origin.ordinary:
        pass  # it is known what broke
    elif not np.isfinite(losses).all():
        found.append(Unseen("broken"))
    elif seen.pairs_open and not can_be_learned_from(visit.patient.data):
        found.append(Unseen("pairs"))
    elif (
        gap := _progress(seen, visit, updates) or _held_at_chance(visit) or _beaten(seen, visit)
    ) is not None:
        found.append(gap)
    alarmed = any(finding.alarm for finding in findings)
    return tuple(gap for gap in found if not (alarmed and gap.reason in _NO_CAUSE))


def _progress(seen: Seen, visit: Consultation, updates: int) -> Unseen | None:
    """Return why it is not known whether the run does what it should; None where it is."""
    short = Unseen("short", {"step": updates}) if updates < SHORT else None
    if visit.well:
        return short
    if visit.comparable:
        return _by_skill(visit, short)
    if visit.floor_known:
        return short or _by_floor(visit)
    if _falls_faster(visit):
        return short or Unseen("falls_faster")
    if endless(visit):
        return Unseen("endless", {"loss": float(visit.smooth[-1])})
    fallen = visit.progressing and len(visit.smooth) and visit.smooth[-1] < _fallen(visit)
    return short if fallen else short or Unseen("progress")


def _by_floor(visit: Consultation) -> Unseen | None:
    """The same where only the loss of knowing nothing is there to compare with."""
    end, floor = float(visit.smooth[-1]), visit.floor_loss or 0.0
    if visit.shortfall > HARMED or not visit.surely_learned:
        return Unseen("at_chance")
    return Unseen("hardly", {"loss": end, "floor": floor}) if end > (1 - STUCK) * floor else None


def _held_at_chance(visit: Consultation) -> Unseen | None:
    """Return that the model answers its evaluation as one that knows nothing; None where it does better."""
    t, skill = visit.patient.data.t_held, visit.held_skill
    if t is None or visit.patient.held_outputs is None or len(t) < _FEWEST or not isfinite(skill):
        return None
    chance = float(np.bincount(t).max()) / len(t) if t.dtype.kind == "i" else 0.0
    level = chance + max(_GAINED, 3 * visit.held_noise)
    unknowing = skill <= level and not visit.trades
    return Unseen("held_at_chance", {"skill": skill, "chance": chance}) if unknowing else None


def _beaten(seen: Seen, visit: Consultation) -> Unseen | None:
    """Return that simple learners are clearly better with less; None where they are not."""
    try:
        found = beaten(seen, visit)
    except Exception:  # inputs and targets may be of any kind
        found = None
    return None if found is None else Unseen("unexplained", {"skill": found[0], "goal": found[1]})


def _by_skill(visit: Consultation, short: Unseen | None) -> Unseen | None:
    """The same where it is known what simple learners reach."""
    if visit.trades:
        return short
    if visit.shortfall <= HARMED and visit.learnable and not visit.knows_nothing:
        return None
    if not visit.learnable and visit.skill <= visit.chance + 3 * visit.noise:
        return short or Unseen("nothing_to_learn")
    if visit.harmed:
        return short or Unseen("unexplained", {"skill": visit.skill, "goal": visit.goal})
    return (short or Unseen("at_chance")) if visit.knows_nothing else short


def _fallen(visit: Consultation) -> float:
    """Return the level below which a loss has clearly fallen; it may be negative.

    To come down from where a first jump has brought it is no progress: it must fall below its very first.
    """
    first, begun = float(visit.smooth[0]), float(visit.patient.losses[0])
    first = begun if first - begun > _JUMPED * abs(begun) else first
    return first - (1 - _FALLEN) * abs(first)


def _falls_faster(visit: Consultation) -> bool:
    """Whether a loss lies below 0 and has fallen more in its last third than in its first."""
    smooth = visit.smooth
    third = len(smooth) // 3
    if third < _THIRD or smooth[-1] >= 0 or not visit.on_its_way:
        return False
    return bool(smooth[-third - 1] - smooth[-1] > smooth[0] - smooth[third])
