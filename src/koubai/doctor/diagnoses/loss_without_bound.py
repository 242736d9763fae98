"""A loss without a lower bound.

What it is: the loss falls below every bound: its sign is wrong, so that errors are rewarded, or it takes
    numbers that it is not made for.
Why it hurts: the worse the answers, the smaller the loss; the weights grow until they are not finite.
How it shows: the loss falls to -{fallen:,.0f} times its size at the start; or minus a known loss is what is
    differentiated, and that loss rises. Of a program the summands of the loss are followed back, too: one
    of them is minus a square, a distance or a cross-entropy, or a logarithm of a probability without its
    minus, and the loss falls on below 0. Of a density, the logarithm of a scale (a log-determinant) and its
    exponential pull it the same way, where they should balance. Of two networks that compete, both push
    the critic's answers to made-up samples the same way. Of a policy, log-probabilities weighed without a
    minus, and returns that are printed and fall; or its entropy, added to the loss. Of a binary
    cross-entropy, targets outside 0 to 1: with 255, the larger the output is, the lower the loss.
Confused with: a learning rate that is too high (a lower one only takes longer here), NaN, which it ends in.
Sick recipe: `log_p[targets].mean()` as the loss, without its minus.
Healthy look-alike: the logarithm of a density, which may well be negative; a network that competes with
    another and maximizes that one's loss.
Remedies: the minus; the loss of the library instead of one's own.
References: Goodfellow, Bengio, Courville 2016, sec. 6.2.1.
"""

from __future__ import annotations

import numpy as np

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure
from koubai.doctor.visit.returns import first_and_last, returns_fall

_FALLEN = 1e6
_SURELY = 3.0  # standard errors
LOGARITHMS = frozenset(("LogSoftmaxBackward0", "LogSigmoidBackward0", "SubBackward0", "LogBackward0"))
_DEEP = 20.0  # times its size at the start
_OF_SHARES = ("binary_cross_entropy", "sigmoid_cross_entropy")
_SLACK = 0.005  # beyond 0 and 1


@DIAGNOSES.register
class LossWithoutBound(Diagnosis):
    """A loss that falls towards minus infinity, or is maximized."""

    code = "K031"
    aliases = (
        "wrong sign",
        "sign of the loss",
        "negative loss",
        "loss is maximized",
        "損失の符号",
        "符号の誤り",
    )
    depth = 0
    is_harm = True
    points_at = ("loss", "backward", "model")
    explains = (
        "not_finite",
        "learning_rate_too_high",
        "exploding_gradient",
        "oscillation",
        "not_learning",
        "under_fitting",
        "dead_units",
        "saturated_units",
        "batch_norm_misuse",
        "labels_wrong",
    )

    def sign(self, visit: Consultation) -> Sign | None:
        """Networks or returns that go the wrong way; or a loss that falls without end, or is maximized."""
        return _of_what_is_wanted(visit) or _of_the_loss(visit)


def _of_what_is_wanted(visit: Consultation) -> Sign | None:
    """Two networks that do not compete; a policy made sure, or paid less and less, without a minus."""
    patient = visit.patient
    if patient.aims.punished:
        return Sign((), None, 1, "warn", certain=True, by_hand=True, details={"fault": "entropy"})
    if patient.aims.allied:
        return Sign((), None, 1, "warn", certain=True, by_hand=True, details={"fault": "allied"})
    if not patient.aims.weighed or patient.loss_speaks or not returns_fall(patient.aims.paid, 0.0):
        return None
    first, last = (float(part.mean()) for part in first_and_last(patient.aims.paid))
    details = {"fault": "weighed", "first": first, "last": last}
    return Sign((), None, 1, "warn", certain=True, by_hand=True, details=details)


def _of_the_loss(visit: Consultation) -> Sign | None:
    """A loss below -1,000,000 times its start (or 1); a sink; one that rises while its negative is used."""
    steps, losses = visit.patient.history.series("loss")
    if len(losses) < 2 or not np.isfinite(losses[0]):
        return None
    bound = -_FALLEN * max(1.0, abs(float(losses[0])))
    fallen = np.flatnonzero(losses < bound)
    if len(fallen):
        measures = (Measure("lowest_loss", float(losses[fallen].min()), bound, above=False),)
        return Sign(measures, None, int(steps[fallen[0]]), "severe", certain=True, measured=True)
    if (sign := _of_targets(visit)) is not None:
        return sign
    aims, fault = visit.patient.aims, ""
    if visit.patient.loss_speaks:
        runaway = aims.runaway and _fallen_below(visit)
        fault = "sink" if aims.sinks and _falls_on(visit) else "runaway" if runaway else ""
    if fault:
        measures = (Measure("lowest_loss", float(visit.smooth.min()), 0.0, above=False),)
        told = {"fault": fault}
        return Sign(measures, None, 0, "severe", certain=True, measured=True, by_hand=True, details=told)
    rises = not np.isfinite(losses).all() or visit.smooth[-1] > visit.smooth[0]
    if not (visit.patient.loop.ascends and visit.patient.loss is not None and rises):
        return None
    ratio = float(visit.smooth[-1] / visit.smooth[0]) if visit.smooth[0] else float("inf")
    measures = (Measure("loss_end_over_start", ratio, 1.0),)
    return Sign(measures, None, int(steps[0]), "severe", certain=True, details={"fault": "ascends"})


def _of_targets(visit: Consultation) -> Sign | None:
    """Targets of a binary cross-entropy beyond what it is made for."""
    loss, t = visit.patient.loss, np.asarray(visit.patient.data.t)
    if loss is None or loss.name not in _OF_SHARES or not t.size or t.dtype.kind not in "fiu":
        return None
    low, high = float(t.min()), float(t.max())
    if not (np.isfinite(t).all() and (low < -_SLACK or high > 1 + _SLACK)):
        return None
    measures = (Measure("lowest_loss", float(visit.smooth.min()), 0.0, above=False),)
    details = {"fault": "targets", "low": low, "high": high}
    return Sign(measures, None, 0, "severe", certain=True, by_hand=True, details=details)


def endless(visit: Consultation) -> bool:
    """Whether the loss has fallen below 0 by many times its size at the start, and falls still."""
    smooth = visit.smooth
    deep = len(smooth) > 1 and smooth[-1] < -_DEEP * max(1.0, abs(float(smooth[0])))
    return bool(deep) and visit.falling > _SURELY


def _falls_on(visit: Consultation) -> bool:
    """Whether the loss has fallen below 0 by more than its size at the start, and falls still.

    Logarithms of probabilities end where every wrong answer is likelier: there it is enough that they fell.
    """
    smooth = visit.smooth
    if len(smooth) < 2:
        return False
    if set(visit.patient.aims.sinks) & LOGARITHMS:  # nobody wants what is likely to be unlikely
        return bool(smooth[-1] < min(0.0, smooth[0]))
    falls = visit.falling > _SURELY or not np.isfinite(visit.patient.losses).all()
    return _fallen_below(visit) and falls


def _fallen_below(visit: Consultation) -> bool:
    """Whether the loss has fallen below 0, by more than its size at the start."""
    smooth = visit.smooth
    fallen = len(smooth) > 1 and smooth[-1] < 0 and smooth[0] - smooth[-1] > max(1.0, abs(float(smooth[0])))
    return bool(fallen)
