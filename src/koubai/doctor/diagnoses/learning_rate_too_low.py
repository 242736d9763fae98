"""Learning rate too low.

What it is: the updates are so small that the run cannot arrive within its steps.
Why it hurts: time; and a loss that looks as if it had settled.
How it shows: over the whole run the weights moved by less than their own size (sum of update / weight
    ratios below {moved:g}), because of the rate, of a schedule that shrinks it too early, or of a clip
    that is too tight; the run does worse than it should, and ten or a hundred times the rate (no
    schedule) brings it there. Or a warm-up does not end: the rate rises through the whole run to less than
    {warmed:.0%} of the one given, while the loss is far from settled. That Adam does counts only where a
    hundred times the rate would not move the weights either.
Confused with: too few steps (the rate is usual, the run is short), vanishing gradient (no rate helps, Adam
    may), a plateau.
Sick recipe: XOR with SGD .001.
Healthy look-alike: a small rate at the end of a decay.
Remedies: rate x 10; Adam; more steps.
References: Bengio 2012, "Practical recommendations for gradient-based training", sec. 3.1.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from koubai.doctor.diagnoses.diagnosis import CURED, DIAGNOSES, Diagnosis, Sign, until_sure
from koubai.doctor.diagnoses.learning_rate_too_high import total_movement
from koubai.doctor.patient.clinic import Trial
from koubai.doctor.patient.tried_remedies import highest_rate
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_MOVED = 1.0
_ALWAYS, _TIGHT = 0.9, 0.3  # of the updates are clipped, to that share of their length
_WARMED = 0.3  # of the rate given: a warm-up that ended lower has not ended
_DONE, _HALF = 0.05, 0.5  # of the loss of knowing nothing: below it, most is learned; above it, little
_DROP = 0.8  # of the loss a third of the run before
_STEEPLY = 3.0  # standard errors of the slope
_HARDLY = 0.1  # of their own size: whatever the rate, these weights were not trained


@DIAGNOSES.register
class LearningRateTooLow(Diagnosis):
    """The weights hardly moved, and ten times the rate learns."""

    code = "K010"
    aliases = ("lr too low", "learning rate", "low learning rate", "小さすぎる学習率", "学習率")
    depth = 2
    points_at = ("optimizer", "update")
    experiment = "learning-rate"
    explains = ("not_learning", "too_few_steps", "under_fitting")
    remedies = (
        "stop_clipping",
        "keep_learning_rate",
        "raise_learning_rate",
        "raise_learning_rate_hundredfold",
        "raise_learning_rate_thousandfold",
        "use_adam",
    )

    def sign(self, visit: Consultation) -> Sign | None:
        """Weights that moved less than their own size, in a run that is over and did not diverge."""
        patient = visit.patient
        if patient.loop.made_anew and patient.optimizer is not None and patient.optimizer.momentum:
            details = {
                "fault": "again",
                "count": patient.loop.made_anew,
                "momentum": patient.optimizer.momentum,
            }
            return Sign((), None, 2, "warn", certain=True, by_hand=True, details=details)
        if patient.finished and patient.loop.warmed_to < _WARMED and _far_from_done(visit):
            reached = Measure("warmed_to", patient.loop.warmed_to, _WARMED, above=False)
            details = {"fault": "warming", "share": patient.loop.warmed_to}
            return Sign((reached,), None, 1, "warn", certain=True, by_hand=True, details=details)
        moved = total_movement(visit)
        if not patient.finished or moved is None or moved >= _MOVED or not np.isfinite(patient.losses).all():
            return None
        if patient.nothing_lost:
            return None
        risen = visit.smooth[-1] > 1.05 * visit.smooth[0]  # so little moved is noise that rises, not the run
        usual = _usual(visit) and patient.constant_rate and not _held_back(visit)
        if moved >= _HARDLY and (risen or usual):
            return None
        ratio = moved / patient.step
        measures = (Measure("total_movement", moved, _MOVED, above=False), Measure("update_ratio", ratio))
        severity = "" if visit.can_try else "warn"  # nothing was tried
        details = {"moved": moved}
        if _held_back(visit):
            details |= {"share": patient.loop.clipped, "ratio": patient.loop.clipped_to}
        return Sign(measures, None, 1, severity, details=details)

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Far from what is within reach: a little can always be tuned."""
        return visit.far or sign.by_hand

    def treat(self, visit: Consultation, sign: Sign) -> list[tuple[str, Trial | None]]:
        """The rate without its schedule; higher rates, until one helps; then Adam, where that tells."""
        if sign.by_hand:
            return []
        tells = not _as_fast_as_adam(visit) and 100 * sign.details["moved"] < _MOVED
        clips = _held_back(visit) or visit.patient.clinic is None or visit.patient.clinic.way == "twin"
        wanted = {"use_adam": tells, "stop_clipping": clips}
        tried = until_sure(self, visit, [name for name in self.remedies if wanted.get(name, True)])
        if highest_rate() * sign.details["moved"] >= _MOVED:
            return tried
        # No rate that can be tried would train these weights: that none helped tells nothing of rates.
        return [(name, trial) for name, trial in tried if trial and self.relief(visit, trial) >= CURED]

    def stands_alone(self, visit: Consultation, sign: Sign) -> bool:
        """Without trials the loss must still be falling, or the weights be nearly where they were."""
        return visit.falling > _STEEPLY or sign.measures[0].value < _HARDLY

    def told(self, sign: Sign, reliefs: Mapping[str, float]) -> Sign:
        """Say so where it learned without clipping, or by Adam only, at no higher rate."""
        best = max(reliefs, key=reliefs.__getitem__, default=None)
        if best == "stop_clipping" and reliefs[best] and "share" in sign.details:
            return replace(sign, points_at=("clipping",), details={**sign.details, "fault": "clipped"})
        if best != "use_adam" or not reliefs[best]:
            return sign
        return replace(sign, details={**sign.details, "fault": "adam"})


def _far_from_done(visit: Consultation) -> bool:
    """Whether the loss is far from 0, and falls on as in a run that has just begun."""
    smooth, patient = visit.smooth, visit.patient
    whole = bool(np.isfinite(patient.losses).all()) and patient.loss_speaks
    if not whole or visit.too_short or visit.well or len(smooth) < 3 or visit.falling <= _STEEPLY:
        return False
    nothing = visit.floor_loss if visit.floor_known and visit.floor_loss else float(smooth[0])
    if not smooth[-1] > _DONE * nothing > 0:
        return False
    return bool(smooth[-1] > _HALF * nothing or smooth[-1] < _DROP * smooth[-len(smooth) // 3])


def _as_fast_as_adam(visit: Consultation) -> bool:
    """Whether Adam at its usual rate would take no larger steps: that it helps does not blame a low rate."""
    optimizer = visit.patient.optimizer
    return optimizer is not None and optimizer.adaptive and optimizer.learning_rate >= 1e-3


def _held_back(visit: Consultation) -> bool:
    """Whether clipping makes nearly all updates several times smaller: not those of Adam and the like."""
    loop, optimizer = visit.patient.loop, visit.patient.optimizer
    adaptive = optimizer is not None and optimizer.adaptive
    return loop.clipped >= _ALWAYS and loop.clipped_to <= _TIGHT and not adaptive


def _usual(visit: Consultation) -> bool:
    """Whether the rate is what people usually take for this optimizer: then the run is short, not slow."""
    optimizer = visit.patient.optimizer
    return optimizer is not None and optimizer.learning_rate >= (1e-3 if optimizer.adaptive else 3e-2)
