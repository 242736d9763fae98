"""Learning rate too high.

What it is: each update steps across the valley instead of down into it.
Why it hurts: the loss jumps, stays high or becomes NaN; units are thrown onto their flat sides and stay
    there.
How it shows: the loss ends above where it began, or is not finite, or one update moves a weight by more
    than a tenth of its size; and the same run with a tenth (a hundredth ...) of the rate learns.
Confused with: an exploding gradient (there before the first update), inputs that are not normalized (any
    rate that suits one feature is too high for another), noise of small batches.
Sick recipe: linear regression on inputs up to 100, gradient descent with rate .5.
Healthy look-alike: a noisy loss with batches of 8 that falls on average.
Remedies: rate / 10, then / 3; warm-up; decay; Adam.
References: on a quadratic, gradient descent converges iff eps < 2 / largest curvature (LeCun et al. 1998,
    sec. 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np

from koubai.doctor.clinic import Trial
from koubai.doctor.consultation import Consultation
from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.finding import Measure

_FACTORS = (0.1, 0.01, 0.001, 1e-4)
_LARGE_UPDATE = 0.1


@DIAGNOSES.register
@dataclass(frozen=True)
class LearningRateTooHigh(Diagnosis):
    """The loss rises or the updates are huge, and a lower rate learns."""

    code = "K009"
    aliases = (
        "lr too high",
        "learning rate",
        "high learning rate",
        "divergence",
        "大きすぎる学習率",
        "学習率",
    )
    depth = 2
    experiment = "learning-rate"
    explains = (
        "not_finite",
        "oscillation",
        "dead_units",
        "saturated_units",
        "not_learning",
        "exploding_gradient",
        "vanishing_gradient",
        "under_fitting",
    )
    remedies = ("lower_learning_rate", "use_adam")

    def sign(self, visit: Consultation) -> Sign | None:
        """Loss not finite or above its start, or weights moved by a tenth of their size in one update."""
        losses = visit.patient.losses
        if len(losses) < 2:
            return None
        broken = not np.isfinite(losses).all()
        start = (
            float(np.nanmean(losses[: max(1, len(losses) // 100)])) if isfinite(losses[0]) else float("nan")
        )
        end = float(visit.smooth[-1]) if len(visit.smooth) else float("nan")
        peak = float(visit.smooth.max()) if len(visit.smooth) else float("nan")
        ratio = typical_update(visit)
        measures = [Measure("loss_end_over_start", end / start if start else float("nan"), 1.0)]
        if ratio is not None:
            measures.append(Measure("update_ratio", ratio, _LARGE_UPDATE))
        risen = isfinite(start) and (end > start or peak > 2 * start)
        if not (broken or risen or (ratio is not None and ratio > _LARGE_UPDATE)):
            return None
        return Sign(tuple(measures), None, 1, details={"rate": _rate(visit)})

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Worse than simple learners, or not finite."""
        return visit.harmed or not np.isfinite(visit.patient.losses).all()

    def treat(self, visit: Consultation, sign: Sign) -> list[tuple[str, Trial | None]]:
        """Lower rates, each a tenth of the one before, until one helps; then Adam."""
        trial, _ = visit.best_learning_rate(_FACTORS)
        return [("lower_learning_rate", trial)]

    def stands_alone(self, visit: Consultation, sign: Sign) -> bool:
        """Without trials only a loss that rose, step by step, from a sound start counts."""
        losses = visit.patient.losses
        return isfinite(losses[0]) and not (np.isfinite(losses).all() and visit.smooth[-1] <= visit.smooth[0])


def typical_update(visit: Consultation) -> float | None:
    """Return the largest over weights of the median update / weight ratio; None where not recorded."""
    history = visit.patient.history
    medians = []
    for layer in visit.patient.weighted:
        values = history.series("update_ratio", layer.params[0])[1]
        values = values[np.isfinite(values)]
        if len(values):
            medians.append(float(np.median(values)))
    return max(medians, default=None)


def _rate(visit: Consultation) -> float:
    return visit.patient.optimizer.learning_rate if visit.patient.optimizer is not None else float("nan")
