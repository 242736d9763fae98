"""Under-fitting.

What it is: the network is too small for what the data ask of it, or averages away what it would need.
Why it hurts: it cannot even learn the training samples.
How it shows: the run does far worse than simple learners on its own training samples, no other cause helps
    as much, and a wider network learns, or one that keeps the places of a picture apart. A loss that creeps
    on does not speak against it: whether more steps would help is asked of more steps.
Confused with: a learning rate that is too low, too few steps, too much regularization, a wrong output.
Sick recipe: two rings with two hidden units.
Healthy look-alike: classes that overlap, where nobody does better.
Remedies: more units or layers; a nonlinearity where there is none; less regularization.
References: Goodfellow, Bengio, Courville 2016, sec. 5.2.
"""

from __future__ import annotations

import numpy as np

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_SETTLED = 3.0


@DIAGNOSES.register
class UnderFitting(Diagnosis):
    """Far worse than simple learners, and cured by width or by what a pooling took away."""

    code = "K015"
    aliases = (
        "underfitting",
        "underfit",
        "capacity",
        "too small network",
        "学習能力不足",
        "未学習",
        "過少適合",
    )
    depth = 4
    explains = ("not_learning",)
    remedies = ("wider_layers", "keep_places")

    def sign(self, visit: Consultation) -> Sign | None:
        """Harm in a finished, finite run that is more than a beginning, in which width leads anyway."""
        patient = visit.patient
        if not patient.finished or visit.too_short or not visit.far or not np.isfinite(patient.losses).all():
            return None
        return Sign((Measure("shortfall", visit.shortfall, 0.15),), None, None)

    def stands_alone(self, visit: Consultation, sign: Sign) -> bool:
        """Without trials only a run that learned something, and whose loss has settled, counts."""
        return not visit.stuck and visit.falling <= _SETTLED
