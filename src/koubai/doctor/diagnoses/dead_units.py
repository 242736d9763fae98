"""Dead units.

What it is: ReLU units whose input is negative for every sample: they answer 0 and get no gradient
    while that lasts.
Why it hurts: dead units are lost capacity; a layer of dead units cuts the network in two: nothing below
    it learns and the output is the same for every input.
How it shows: units that fire for none of at least {enough} samples (or of all there are):
    {severe:.0%} of a layer, if the run does worse than it should; {warn:.0%}, if it does far worse.
Confused with: sparsity. A unit that is 0 for 95 % of the samples is not dead. A rate that is far
    too low: units that start dead stay so in such a run, and are not the cause.
Sick recipe: 34 ReLU layers of 50; about half of the runs die.
Healthy look-alike: 80 to 95 % zeros under an L1 penalty, every unit firing for some sample.
Remedies: died while training: a lower rate. Born dead: He weights, biases 0. Leaky ReLU, SELU, batch
    norm.
References: Maas, Hannun, Ng 2013; Lu, Shin, Su, Karniadakis 2020, "Dying ReLU and initialization".
"""

from __future__ import annotations

import numpy as np

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.diagnoses.learning_rate_too_high import total_movement
from koubai.doctor.patient.signs import dead_shares, initial
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_WARN, _SEVERE = 0.2, 0.5
_ENOUGH = 512
_HARDLY = 0.1  # of their own size: weights that went less far were not trained, whatever their units do


@DIAGNOSES.register
class DeadUnits(Diagnosis):
    """Units of a hidden ReLU that fire for no sample."""

    code = "K004"
    aliases = ("dead relu", "dying relu", "dead", "dead neurons", "死んだユニット", "死んだReLU")
    depth = 3
    experiment = "gradient-flow"
    explains = (
        "vanishing_gradient",
        "not_learning",
        "under_fitting",
        "too_few_steps",
        "learning_rate_too_low",
    )
    remedies = (
        "use_leaky_relu",
        "use_selu",
        "add_batch_norm",
        "add_shortcuts",
        "suitable_init",
        "lower_learning_rate",
    )
    specific = ("use_leaky_relu", "use_selu", "add_batch_norm", "add_shortcuts")

    def sign(self, visit: Consultation) -> Sign | None:
        """The first layer whose dead share is severe, else the worst that is worth a warning."""
        patient, look = visit.patient, visit.patient.last
        everything = patient.data.samples or _ENOUGH
        if look is None or look.samples < min(_ENOUGH, everything):
            return None
        shares = dead_shares(patient, look)
        worst = max(shares.values(), default=0.0)
        if worst < _WARN:
            return None
        level = _SEVERE if worst >= _SEVERE else _WARN
        path = next(path for path, share in shares.items() if share >= level)
        first = initial(patient)
        born = dead_shares(patient, first).get(path, 0.0) if first is not None else None
        return Sign(
            (Measure("dead_share", shares[path], _WARN), Measure("dead_layers", _count(shares, 1.0))),
            path,
            0 if born is not None and born >= _WARN else None,
            certain=worst == 1.0,
            details={"share": shares[path], "born": born if born is not None else 0.0},
            series={"dead_by_depth": (np.arange(len(shares)), np.array(list(shares.values())))},
        )

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Worse than simple learners; far worse where most units are alive and could do the work."""
        return visit.harmed if sign.details["share"] >= _SEVERE else visit.far

    def stands_alone(self, visit: Consultation, sign: Sign) -> bool:
        """Not where the weights have hardly moved: in a run that moves, units that start dead may wake.

        A whole layer that is dead lets nothing move.
        """
        moved = total_movement(visit)
        return sign.certain or moved is None or moved >= _HARDLY


def _count(shares: dict[str, float], level: float) -> float:
    return float(sum(share >= level for share in shares.values()))
