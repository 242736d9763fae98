"""Over-regularized.

What it is: penalties or dropout pull harder than the data.
Why it hurts: the weights stay so small (or so few units are left) that the network cannot fit.
How it shows: at the start or at the end the penalties pull with more than {pull:g} of the force of the data,
    or there is dropout; the run is worse than it should be and learns when loosened. A penalty that has won
    leaves no trace at the end: weights of 0 pull no more. Of a penalty that the program adds to its loss
    itself: it pulls harder than the data at the first update, and at the last one that was looked at more
    than {still:g} times as hard, or with less than {gone:.0%} of what it had, as its weights are gone.
Confused with: under-fitting, a learning rate that is too low, dead units, oscillation.
Sick recipe: 784-100-10 with L2 of strength .5.
Healthy look-alike: dropout .5 whose training accuracy lies below its validation accuracy; L2 1e-3.
Remedies: a weaker penalty, less dropout.
References: Hoerl and Kennard 1970; Srivastava et al. 2014.
"""

from __future__ import annotations

from math import inf, sqrt

import numpy as np

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.checkup import Checkup
from koubai.doctor.patient.clinic import Trial
from koubai.doctor.patient.layer_facts import LayerFacts
from koubai.doctor.patient.patient import Patient
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_OUTWEIGHS, _STILL = 1.0, 0.5  # times the force of the data, of a penalty by hand: at first, later
_GONE = 0.05  # of its force at first
_PULL = 0.1  # chooses what is worth a trial; the trial decides


@DIAGNOSES.register
class OverRegularized(Diagnosis):
    """Penalties or dropout that keep the network from fitting, and a cure by loosening."""

    code = "K016"
    aliases = (
        "too much regularization",
        "over-regularised",
        "over-regularized",
        "strong weight decay",
        "過剰な正則化",
        "正則化が強すぎる",
    )
    depth = 1
    points_at = ("optimizer", "update")
    experiment = "l1-l2"
    explains = (
        "under_fitting",
        "not_learning",
        "vanishing_gradient",
        "too_few_steps",
        "dead_units",
        "learning_rate_too_low",
        "oscillation",
        "saturated_units",
    )
    remedies = ("weaker_regularization",)

    def sign(self, visit: Consultation) -> Sign | None:
        """Pull of the penalties where it is largest, at the start or at the end; or any dropout."""
        if (found := _by_hand(visit)) is not None:
            return found
        patient, look = visit.patient, visit.patient.last
        if look is None or not np.isfinite(patient.losses).all() or not len(visit.smooth):
            return None
        pull = max(_pull(patient, look) for look in patient.checkups)
        ratio = max((float(layer.detail.get("ratio", 0.5)) for layer in _random(patient)), default=0.0)
        if pull <= _PULL and not ratio:
            return None
        measures = [Measure("penalty_pull", pull, _PULL)] if pull else []
        if ratio:
            cost = float(visit.smooth[-1]) / look.loss if look.loss > 0 else 1.0
            measures += [Measure("dropout_ratio", ratio), Measure("dropout_cost", cost)]
        return Sign(tuple(measures), None, None)

    def treat(self, visit: Consultation, sign: Sign) -> list[tuple[str, Trial | None]]:
        """What a program adds to its loss itself no trial takes away."""
        return [] if sign.by_hand else super().treat(visit, sign)

    def stands_alone(self, visit: Consultation, sign: Sign) -> bool:
        """At rest, pull and data balance in every regularized network: without a trial it proves nothing."""
        return sign.by_hand


def _by_hand(visit: Consultation) -> Sign | None:
    """Return the sign of summands of the loss that are sizes of parameters, and outweigh the rest."""
    pulls = visit.patient.pulls
    if len(pulls) < 2 or pulls[0].ratio <= _OUTWEIGHS:
        return None
    if pulls[-1].ratio <= _STILL and pulls[-1].penalty >= _GONE * pulls[0].penalty:
        return None
    measure = Measure("penalty_pull", pulls[0].ratio, _OUTWEIGHS)
    details = {"fault": "by_hand", "first": pulls[0].ratio, "later": pulls[-1].ratio, "at": pulls[-1].step}
    told = ("loss", "backward")
    return Sign((measure,), None, None, "warn", certain=True, by_hand=True, points_at=told, details=details)


def _random(patient: Patient) -> tuple[LayerFacts, ...]:
    return tuple(layer for layer in patient.layers if layer.traits.random)


def _pull(patient: Patient, look: Checkup) -> float:
    """Return the force of penalties and weight decay on the weights, as a multiple of that of the data.

    An adaptive optimizer moves each weight by about the learning rate, whatever the size of the gradient:
    decay beside it competes with 1 a weight, not with the gradient.
    """
    checks = look.params.values()
    data = sqrt(sum(check.gradient_norm**2 for check in checks))
    penalty = sqrt(sum(check.penalty_gradient_norm**2 for check in checks))
    forces = [(penalty, data)]
    optimizer = patient.optimizer
    if optimizer is not None:
        decay = optimizer.weight_decay * sqrt(sum(check.norm**2 for check in checks))
        forces.append((decay, sqrt(sum(check.size for check in checks)) if optimizer.adaptive else data))
    return max((pull / against if against else inf for pull, against in forces if pull), default=0.0)
