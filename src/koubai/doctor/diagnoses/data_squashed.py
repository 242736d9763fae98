"""Constant or doubly normalized features.

What it is: the inputs hardly differ from each other: divided by 255 twice, or constant.
Why it hurts: the first layer sees the same for every sample; it takes very large weights to tell them
    apart.
How it shows: the standard deviation of the inputs is below .02 (pixels / 255 have about .3).
Confused with: initial weights that are too small, a learning rate that is too low.
Sick recipe: MNIST pixels divided by 255 twice.
Healthy look-alike: some constant features among others (the border of an image).
Remedies: remove one scaling; standardize.
References: LeCun et al. 1998, 'Efficient BackProp', sec. 4.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.doctor.consultation import Consultation
from koubai.doctor.diagnoses.diagnosis import CURED, DIAGNOSES, Diagnosis, Sign
from koubai.doctor.finding import Measure

_FAINT = 0.02


@DIAGNOSES.register
@dataclass(frozen=True)
class DataSquashed(Diagnosis):
    """Inputs that hardly vary, and a cure by standardizing."""

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
        """Root mean square of the features' standard deviations below .02."""
        data = visit.patient.data
        if data.std is None:
            return None
        std = float(np.sqrt(np.mean(data.std**2)))
        constant = float((data.std <= 1e-12).mean())
        if not std < _FAINT:  # NaN has a name of its own
            return None
        measures = (Measure("input_std", std, _FAINT, above=False), Measure("constant_features", constant))
        return Sign(measures, visit.patient.weighted[0].path if visit.patient.weighted else None, 0)

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Worse than simple learners, or clearly worse than on standardized inputs."""
        relief = visit.relief(visit.remedy("standardize_inputs")) or 0.0
        return visit.harmed or (relief >= CURED and visit.shortfall > 0.05)
