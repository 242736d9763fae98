"""Representations alike for all inputs (collapse).

What it is: a network whose outputs are compared with one another (two views of a picture, an anchor with a
    match and another sample) puts out the same for every input.
Why it hurts: a constant answer makes matches perfectly alike; its loss looks good, or stands at the margin,
    and the representation tells nothing of the input.
How it shows: in the later looks the outputs of a batch deviate by less than {alike:.0%} of their size, but
    far more in the first look, although inputs differ; or by less than {shrunk:.0%} of what they once did.
    Or they point the same way: brought to one length they deviate by less than {one_way:g}, and by {turned:g}
    times as much in the first look.
Confused with: a network that has not begun to learn (its outputs were alike from the start); a loss that is
    low because all is well.
Sick recipe: two views without a predictor or `.detach()` on one side; a triplet loss with the hardest
    negatives, or at a rate so high that all outputs fall onto one point.
Healthy look-alike: regression whose targets hardly differ (there the outputs are compared with targets);
    contrastive learning, which pushes other samples away.
Remedies: other samples that push away (contrastive loss); stop the gradient on one side; a lower rate;
    easier negatives first; normalized embeddings.
References: Chen and He 2021, "Exploring simple Siamese representation learning", sec. 4.1; Hermans et al.
    2017, "In defense of the triplet loss", sec. 5 (collapse).
"""

from __future__ import annotations

from typing import Any

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.diagnoses.loss_without_bound import endless
from koubai.doctor.patient.spread import LATE, Spread, late
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_LATE = LATE
_ALIKE = 0.01  # of their size: outputs that deviate less are the same for all
_DIFFER = 0.05  # of their size: inputs that deviate more are not
_FALLEN = 10.0  # times as much they deviated at the beginning
_SHRUNK = 0.01  # of the greatest deviation there was: outputs that are closer have come together
_ONE_WAY = 0.15  # outputs of one length that deviate less point the same way
_TURNED = 4.0  # times as much they deviated at the beginning
_FEWEST = 30  # updates
_WIDE = 8  # numbers of a sample: outputs of several calls that are compared have as many; a score has fewer


@DIAGNOSES.register
class RepresentationsAlike(Diagnosis):
    """Outputs that are compared with one another, and are the same for all inputs."""

    code = "K039"
    aliases = (
        "collapse",
        "representation collapse",
        "embedding collapse",
        "dimensional collapse",
        "表現の崩壊",
        "埋め込みの崩壊",
    )
    depth = 0
    is_harm = True  # nobody means it, whatever the loss is: least of all where that is good
    points_at = ("loss", "backward", "model")
    explains = (
        "dead_units",
        "saturated_units",
        "vanishing_gradient",
        "learning_rate_too_low",
        "not_learning",
    )

    def sign(self, visit: Consultation) -> Sign | None:
        """All outputs alike at the end, and not before."""
        patient = visit.patient
        end = late(patient.spreads, patient.step)
        if patient.aims.runaway or endless(visit):  # a density that shrinks to a point: no comparison
            return None
        if patient.step < _FEWEST or visit.skill_known or patient.loss is not None or len(end) < 2:
            return None
        if patient.spreads[0].step > 1 or min(s.inputs for s in end) < _DIFFER:
            return None
        return _alike(patient.spreads, end) or _shrunk(patient.spreads, end) or _one_way(patient.spreads, end)


def _compared(spread: Spread) -> bool:
    """Whether there are several outputs for one another: of one call, or of several."""
    return (spread.views > 1 and spread.width > 1) or (spread.calls > 1 and spread.width >= _WIDE)


def _alike(spreads: tuple[Spread, ...], end: tuple[Spread, ...]) -> Sign | None:
    """Outputs for one another that hardly deviate, for their size."""
    deviation, first = max(s.outputs for s in end), spreads[0].outputs
    if not all(map(_compared, end)) or not deviation < min(_ALIKE, first / _FALLEN):
        return None
    since = next(s.step for s in spreads if s.outputs < _ALIKE)
    measure = Measure("output_deviation", deviation, _ALIKE, above=False)
    return _sign(
        (measure, Measure("first_deviation", first)), since, {"deviation": deviation, "first": first}
    )


def _shrunk(spreads: tuple[Spread, ...], end: tuple[Spread, ...]) -> Sign | None:
    """Outputs that have come together, by far, from where they were apart."""
    deviation, most = max(s.apart for s in end), max(s.apart for s in spreads)
    if min(s.width for s in end) < 2 or not deviation < _SHRUNK * most:
        return None
    since = next(s.step for s in spreads if s.apart < _SHRUNK * most and s.step > 1)
    measure = Measure("output_shrunk", deviation / most, _SHRUNK, above=False)
    return _sign((measure,), since, {"deviation": deviation, "first": most, "fault": "shrunk"})


def _one_way(spreads: tuple[Spread, ...], end: tuple[Spread, ...]) -> Sign | None:
    """Outputs for one another that all point the same way, and once did not: their lengths may differ."""
    left, first = max(s.directions for s in end), spreads[0].directions
    if not all(map(_compared, end)) or not left < min(_ONE_WAY, first / _TURNED):
        return None
    since = next(s.step for s in spreads if s.directions < _ONE_WAY)
    measures = (Measure("output_turned", left, _ONE_WAY, above=False), Measure("first_turned", first))
    return _sign(measures, since, {"deviation": left, "first": first, "fault": "one_way"}, severity="warn")


def _sign(
    measures: tuple[Measure, ...], since: int, details: dict[str, Any], *, severity: str = "severe"
) -> Sign:
    return Sign(measures, None, since, severity, certain=True, measured=True, by_hand=True, details=details)
