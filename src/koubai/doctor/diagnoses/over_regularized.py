"""Over-regularized.

What it is: penalties or dropout pull harder than the data.
Why it hurts: the weights stay so small (or so few units are left) that the network cannot fit.
How it shows: the gradient of the penalties is more than half of that of the data, or dropout makes the
    training loss much higher than the same samples cost without it; the run is worse than it should be
    and learns when loosened.
Confused with: under-fitting, a learning rate that is too low.
Sick recipe: 784-100-10 with L2 of strength .5.
Healthy look-alike: dropout .5 whose training accuracy lies below its validation accuracy; L2 1e-3.
Remedies: a weaker penalty, less dropout.
References: Hoerl and Kennard 1970; Srivastava et al. 2014.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.doctor.consultation import Consultation
from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.finding import Measure

_PULL = 0.5
_DROPOUT_COST = 1.3


@DIAGNOSES.register
@dataclass(frozen=True)
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
    experiment = "l1-l2"
    explains = (
        "under_fitting",
        "not_learning",
        "vanishing_gradient",
        "too_few_steps",
        "dead_units",
        "learning_rate_too_low",
    )
    remedies = ("weaker_regularization",)

    def sign(self, visit: Consultation) -> Sign | None:
        """Pull of the penalties, or cost of dropout."""
        patient, look = visit.patient, visit.patient.last
        if look is None or not np.isfinite(patient.losses).all() or not len(visit.smooth):
            return None
        data = float(np.sqrt(sum(check.gradient_norm**2 for check in look.params.values())))
        pull = float(np.sqrt(sum(check.penalty_gradient_norm**2 for check in look.params.values())))
        decay = patient.optimizer.weight_decay if patient.optimizer is not None else 0.0
        norm = float(np.sqrt(sum(check.norm**2 for check in look.params.values())))
        share = max(pull, decay * norm) / data if data else 0.0
        dropout = any(layer.kind == "dropout" for layer in patient.layers)
        cost = float(visit.smooth[-1]) / look.loss if dropout and look.loss > 0 else 1.0
        if share <= _PULL and cost <= _DROPOUT_COST:
            return None
        return Sign(
            (Measure("penalty_pull", share, _PULL), Measure("dropout_cost", cost, _DROPOUT_COST)), None, None
        )

    def stands_alone(self, visit: Consultation, sign: Sign) -> bool:
        """At rest, pull and data balance in every regularized network: without a trial it proves nothing."""
        return False
