"""A loss without a lower bound.

What it is: the loss falls below every bound: its sign is wrong, so that errors are rewarded, or it takes
    numbers that it is not made for.
Why it hurts: the worse the answers, the smaller the loss; the weights grow until they are not finite.
How it shows: the loss falls to -{fallen:,.0f} times its size at the start; or minus a known loss is what is
    differentiated, and that loss rises. Of a program the summands of the loss are followed back, too: one
    of them is minus a square, a distance or a cross-entropy, or a logarithm of a probability without its
    minus, and the loss falls on below 0. Of two networks that compete, both push the critic's answers to
    made-up samples the same way.
Confused with: a learning rate that is too high (a lower one only takes longer here), NaN, which it ends in.
Sick recipe: `log_p[targets].mean()` as the loss, without its minus.
Healthy look-alike: the logarithm of a density, which may well be negative; a network that competes with
    another and maximizes that one's loss.
Remedies: the minus; the loss of the library instead of one's own.
References: Goodfellow, Bengio, Courville 2016, sec. 6.2.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_FALLEN = 1e6
_SURELY = 3.0  # standard errors of the slope


@DIAGNOSES.register
@dataclass(frozen=True)
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
    )

    def sign(self, visit: Consultation) -> Sign | None:
        """A loss below -1,000,000 times its start (or 1), or one that rises while its negative is used."""
        if visit.patient.allied:
            return Sign((), None, 1, "warn", certain=True, by_hand=True, details={"fault": "allied"})
        steps, losses = visit.patient.history.series("loss")
        if len(losses) < 2 or not np.isfinite(losses[0]):
            return None
        bound = -_FALLEN * max(1.0, abs(float(losses[0])))
        fallen = np.flatnonzero(losses < bound)
        if len(fallen):
            lowest = float(losses[fallen].min())
            return Sign(
                (Measure("lowest_loss", lowest, bound, above=False),),
                None,
                int(steps[fallen[0]]),
                "severe",
                certain=True,
                measured=True,
            )
        if visit.patient.sinks and visit.patient.loss_speaks and _falls_on(visit):
            lowest = float(visit.smooth.min())
            return Sign(
                (Measure("lowest_loss", lowest, 0.0, above=False),),
                None,
                0,
                "severe",
                certain=True,
                measured=True,
                by_hand=True,
                details={"fault": "sink"},
            )
        rises = not np.isfinite(losses).all() or visit.smooth[-1] > visit.smooth[0]
        if not (visit.patient.loop.ascends and visit.patient.loss is not None and rises):
            return None
        ratio = float(visit.smooth[-1] / visit.smooth[0]) if visit.smooth[0] else float("inf")
        measures = (Measure("loss_end_over_start", ratio, 1.0),)
        return Sign(measures, None, int(steps[0]), "severe", certain=True, details={"fault": "ascends"})


def _falls_on(visit: Consultation) -> bool:
    """Whether the loss has fallen below 0 by more than its size at the start, and falls still."""
    smooth = visit.smooth
    if len(smooth) < 2:
        return False
    fallen = smooth[-1] < 0 and smooth[0] - smooth[-1] > max(1.0, abs(float(smooth[0])))
    return bool(fallen) and (visit.falling > _SURELY or not np.isfinite(visit.patient.losses).all())
