"""Oscillation.

What it is: the run learns, and again and again loses what it had learned.
Why it hurts: where it stops is luck.
How it shows: averaged over windows of 2 % of the run, the loss gives back {given_back:.0%} of its
    progress; and a lower rate (or a larger batch) ends clearly better. Twice without such a trial.
Confused with: the noise of small batches (which the windows average out), a learning rate so high that
    nothing is learned at all, a restart of the schedule.
Sick recipe: 20 ReLU layers of 50, Adam .001, batches of 32.
Healthy look-alike: batches of 8; a loss that drops when the rate is cut.
Remedies: rate / 3 to / 10; larger batches; decay.
References: LeCun et al. 1998, sec. 5; Cohen et al. 2021 (edge of stability).
"""

from __future__ import annotations

import numpy as np

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.clinic import Trial
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_GIVEN_BACK = 0.3
_TIMES = 2
_MISSED = 0.05


@DIAGNOSES.register
class Oscillation(Diagnosis):
    """The smoothed loss repeatedly gives back much of its progress."""

    code = "K011"
    aliases = ("oscillating loss", "unstable", "instability", "fluctuating loss", "振動", "損失の振動")
    depth = 3
    describes = True
    points_at = ("optimizer", "update")
    explains = ("too_few_steps", "under_fitting")
    remedies = ("lower_learning_rate", "larger_batch")

    def sign(self, visit: Consultation) -> Sign | None:
        """Count relapses of the smoothed loss."""
        smooth = visit.smooth
        if len(smooth) < 25 or not np.isfinite(visit.patient.losses).all():
            return None
        count, first = relapses(smooth)
        if not count:
            return None
        step = int(first / len(smooth) * visit.patient.step)
        steps = np.linspace(0, visit.patient.step, len(smooth))
        return Sign(
            (Measure("relapses", float(count), 0.5),),
            None,
            step,
            details={"count": count, "first": step, "given_back": _GIVEN_BACK},
            series={"smoothed_loss": (steps, smooth)},
        )

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Worse than simple learners, if only a little (a lower rate must show it), or ended in a relapse."""
        smooth = visit.smooth
        lost = (smooth[-3:].mean() - smooth.min()) / max(smooth[0] - smooth.min(), 1e-30)
        below = visit.patient.finished and visit.learnable and visit.goal - visit.skill > 3 * visit.noise
        missed = below and visit.shortfall > _MISSED
        return visit.harmed or missed or (lost > _GIVEN_BACK and visit.shortfall > 0)

    def stands_alone(self, visit: Consultation, sign: Sign) -> bool:
        """Without trials it takes two relapses, and more harm than a rate could always be tuned for."""
        return sign.details["count"] >= _TIMES and (visit.harmed or visit.shortfall > 2 * _MISSED)

    def treat(self, visit: Consultation, sign: Sign) -> list[tuple[str, Trial | None]]:
        """A tenth of the rate; larger batches."""
        return [
            ("lower_learning_rate", visit.remedy("lower_learning_rate")),
            ("larger_batch", visit.remedy("larger_batch")),
        ]


def relapses(smooth: np.ndarray) -> tuple[int, int]:
    """Return how often a smoothed loss gave back `_GIVEN_BACK` of its progress, and the first window."""
    best, fallen, count, first = smooth[0], False, 0, 0
    for i, loss in enumerate(smooth):
        progress = smooth[0] - best
        if not fallen and progress > 0.1 * smooth[0] and loss > best + _GIVEN_BACK * progress:
            fallen, count = True, count + 1
            first = first or i
        if loss <= best + 0.1 * progress:
            fallen = False
        best = min(best, loss)
    return count, first
