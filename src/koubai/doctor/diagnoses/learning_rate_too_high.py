"""Learning rate too high.

What it is: each update steps across the valley instead of down into it.
Why it hurts: the loss jumps, stays high or becomes NaN; units are thrown onto their flat sides and stay
    there.
How it shows: the loss ends above where it began, jumps to {jump:g} times that, or is not finite, or one
    update moves a weight by {large_update:g} of its size; and the same run with a tenth (a hundredth
    ...) of the rate learns.
Confused with: an exploding gradient (there before the first update), inputs that are not normalized (any
    rate that suits one feature is too high for another), noise of small batches.
Sick recipe: linear regression on inputs up to 100, gradient descent with rate .5.
Healthy look-alike: a noisy loss with batches of 8 that falls on average.
Remedies: rate / 10, then / 3; warm-up; decay; Adam.
References: on a quadratic, gradient descent converges iff alpha < 2 / largest curvature (LeCun et al. 1998,
    sec. 5).
"""

from __future__ import annotations

from math import isfinite

import numpy as np

from koubai.core.params import Array
from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign, until_sure
from koubai.doctor.patient.clinic import Change, Trial
from koubai.doctor.patient.signs import initial
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_LARGE_UPDATE = 0.3
_JUMP = 3.0
_FAR = 1.0  # of their own size: weights that went less far were not thrown about
_FALLEN = 0.5  # of the loss at the start: a run that broke off from below it had been learning


@DIAGNOSES.register
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
    points_at = ("optimizer", "update")
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
    remedies = (
        "lower_learning_rate",
        "lower_learning_rate_hundredfold",
        "lower_learning_rate_thousandfold",
        "use_adam",
    )

    def sign(self, visit: Consultation) -> Sign | None:
        """Loss not finite or above its start, or weights moved by a tenth of their size in one update."""
        losses = visit.patient.losses
        if len(losses) < 2:
            return None
        start, end, peak = _levels(visit)
        ratio = early_update(visit)
        measures = [Measure("loss_end_over_start", end / start if start else float("nan"), 1.0)]
        if peak > _JUMP * start:
            measures.append(Measure("loss_peak_over_start", peak / start, _JUMP))
        if ratio is not None:
            measures.append(Measure("update_ratio", ratio, _LARGE_UPDATE))
        broken = not np.isfinite(losses).all()
        rate = _rate(visit)
        if rate > _usual(visit):
            measures.append(Measure("learning_rate", rate, _usual(visit)))
        if not (broken or end > start or any(measure.sick for measure in measures)):
            return None
        details = {"rate": rate} if isfinite(rate) else {"fault": "by_hand"}
        return Sign(tuple(measures), None, 1, details=details)

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Worse than simple learners, or not finite; a trial must break off too, if it changes nothing."""
        if np.isfinite(visit.patient.losses).all():
            return visit.harmed
        unchanged = visit.trial(Change("nothing"))
        return unchanged is None or not unchanged.finite

    def treat(self, visit: Consultation, sign: Sign) -> list[tuple[str, Trial | None]]:
        """Lower rates, each a tenth of the one before, until one helps."""
        return until_sure(self, visit, self.remedies[:3])

    def stands_alone(self, visit: Consultation, sign: Sign) -> bool:
        """Without trials only a loss that rose from a sound start, or broke off before it fell, counts.

        One that had fallen far and then is no number came to it another way: a logarithm of 0. A rate that
        nobody takes counts too, where the weights went far and nothing was learned.
        """
        if (optimizer := visit.patient.optimizer) is not None and optimizer.lost_epsilon:
            return False
        losses = visit.patient.losses
        if not isfinite(losses[0]):
            return False
        if not np.isfinite(losses).all():
            return bool(visit.smooth[-1] > _FALLEN * visit.smooth[0])
        moved = total_movement(visit)
        if moved is not None and moved < _FAR:  # so little moved: it is noise that rose
            return False
        return _risen(visit) or (visit.stuck and _rate(visit) > _usual(visit))


def _risen(visit: Consultation) -> bool:
    """Whether the loss ends above its start by more than the batches scatter."""
    losses = visit.patient.losses
    tail = losses[-max(5, len(losses) // 10) :]
    return bool(tail.mean() - tail.std() > _levels(visit)[0])


def _levels(visit: Consultation) -> tuple[float, float, float]:
    """Return the loss at the start (of the initial weights, where known), at the end, and at its peak.

    A look knows one loss; where another is added to it, only the first batch is told in the same units.
    """
    losses, loss = visit.patient.losses, visit.patient.loss
    look = initial(visit.patient) if loss is None or loss.alone else None
    start = look.loss if look is not None and isfinite(look.loss) else float(losses[0])
    finite = losses[np.isfinite(losses)]
    end = float(finite[-max(1, len(finite) // 50) :].mean()) if len(finite) else float("nan")
    return start, end, float(finite.max()) if len(finite) else float("nan")


def typical_update(visit: Consultation) -> float | None:
    """Return the largest over weights of the typical update / weight ratio; None where not recorded.

    Typical is the median; where a schedule changes the rate, the mean over all steps, which counts how far
    the weights went.
    """
    history = visit.patient.history
    ratios = []
    for path in _weights(visit):
        steps, values = history.series("update_ratio", path)
        steps, values = steps[np.isfinite(values)], values[np.isfinite(values)]
        if len(values):
            ratios.append(
                float(np.median(values)) if visit.patient.constant_rate else _mean_over(steps, values)
            )
    return max(ratios, default=None)


def _weights(visit: Consultation) -> list[str]:
    """Return the weights of known layers; where there is none (layers of one's own), all parameters."""
    known = [layer.params[0] for layer in visit.patient.weighted]
    return known or visit.patient.history.paths("update_ratio")


def _mean_over(steps: Array, values: Array) -> float:
    """Return the mean over all steps of what was recorded at some, which need not be evenly apart.

    Between two records the value is taken for their geometric mean: schedules shrink rates by factors.
    """
    if len(values) < 2:
        return float(values[0])
    between = np.sqrt(np.maximum(values[1:], 0) * np.maximum(values[:-1], 0))
    return float((between * np.diff(steps)).sum() + values[0]) / float(steps[-1] - steps[0] + 1)


def total_movement(visit: Consultation) -> float | None:
    """Return how far the weights went, in multiples of their own size; None where not recorded.

    At least as far as in the largest of the updates that were recorded: of units that die in one of them, all
    others are 0.
    """
    ratio = typical_update(visit)
    if ratio is None:
        return None
    history = visit.patient.history
    seen = [history.series("update_ratio", path)[1] for path in _weights(visit)]
    largest = max((float(v[np.isfinite(v)].max(initial=0.0)) for v in seen), default=0.0)
    return max(ratio * visit.patient.step, largest)


def early_update(visit: Consultation) -> float | None:
    """Return the largest update / weight ratio of any weight among the early taps."""
    history = visit.patient.history
    largest = []
    for path in _weights(visit):
        values = history.series("update_ratio", path)[1]
        early = values[1 : max(3, len(values) // 10)]
        if len(early) and np.isfinite(early).any():
            largest.append(float(np.nanmax(early)))
    return max(largest, default=None)


def _usual(visit: Consultation) -> float:
    """The upper end of what people take for the optimizer."""
    optimizer = visit.patient.optimizer
    return 0.02 if optimizer is not None and optimizer.adaptive else 1.0


def _rate(visit: Consultation) -> float:
    return visit.patient.optimizer.learning_rate if visit.patient.optimizer is not None else float("nan")
