"""Constant or doubly normalized features.

What it is: the inputs hardly differ from each other: divided by 255 twice, or most of them constant.
Why it hurts: the first layer sees the same for every sample; it takes very large weights to tell them
    apart.
How it shows: the standard deviation of the inputs is below {faint:g} (pixels / 255 have about .3), and on
    standardized inputs the run learns. Or more than {constant:.0%} of the inputs are the same in every
    sample, and neither the network nor any simple learner finds in the others what the answers need.
Confused with: initial weights that are too small, a learning rate that is too low, under-fitting.
Sick recipe: MNIST pixels divided by 255 twice.
Healthy look-alike: constant features among others that tell enough (the border of an image).
Remedies: remove one scaling; standardize; find out where the constant columns lost their values.
References: LeCun et al. 1998, 'Efficient BackProp', sec. 4.3.
"""

from __future__ import annotations

import numpy as np

from koubai.doctor.diagnoses.diagnosis import CURED, DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.clinic import Trial
from koubai.doctor.visit.consultation import FAR, Consultation
from koubai.doctor.visit.finding import Measure

_FAINT = 0.02
_CONSTANT = 0.5


@DIAGNOSES.register
class DataSquashed(Diagnosis):
    """Inputs that hardly vary, and a cure by standardizing; or that are constant, and too little is left."""

    code = "K018"
    aliases = (
        "constant features",
        "doubly normalized",
        "double normalization",
        "doubly normalised features",
        "二重の正規化",
        "変化しない特徴量",
    )
    depth = 0
    points_at = ("model", "loss", "backward")
    explains = (
        "learning_rate_too_low",
        "too_few_steps",
        "not_learning",
        "init_too_small",
        "vanishing_gradient",
        "under_fitting",
    )
    remedies = ("standardize_inputs", "use_adam")
    specific = ("standardize_inputs",)

    def sign(self, visit: Consultation) -> Sign | None:
        """Root mean square of the features' standard deviations below .02, or most of them 0."""
        data = visit.patient.data
        if data.std is None:
            return None
        std = float(np.sqrt(np.mean(data.std**2)))
        constant = float((data.std <= 1e-12).mean())
        measures = (
            Measure("input_std", std, _FAINT, above=False),
            Measure("constant_features", constant, _CONSTANT),
        )
        layer = visit.patient.weighted[0].path if visit.patient.weighted else None
        if std < _FAINT:
            return Sign(measures, layer, 0)
        if constant > _CONSTANT and visit.patient.finished:
            details = {"fault": "constant", "share": constant}
            return Sign(measures, layer, 0, "warn", certain=True, details=details)
        return None

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Worse than simple learners, or clearly worse than on standardized inputs.

        Of constant inputs: far from right, although the network does what can be done with the others.
        """
        if sign.certain:
            missing = (1 - visit.goal) / (1 - visit.chance) if visit.chance < 1 else 0.0
            return missing > FAR and not visit.harmed and visit.held_skill < 1 - FAR * (1 - visit.chance)
        relief = visit.relief(visit.remedy("standardize_inputs")) or 0.0
        return visit.harmed or (relief >= CURED and visit.shortfall > 0.05)

    def treat(self, visit: Consultation, sign: Sign) -> list[tuple[str, Trial | None]]:
        """Standardizing brings faint inputs back; constant ones it cannot."""
        return [] if sign.certain else super().treat(visit, sign)
