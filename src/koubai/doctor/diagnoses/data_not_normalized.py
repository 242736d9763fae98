"""Data not normalized.

What it is: inputs that are far from 0, far larger than 1, or of very different sizes; a few that are far
    off count too: -999 where a value is missing.
Why it hurts: weights behind large inputs get large gradients: a rate that suits them is too small for the
    others, and the first layer saturates or dies in a few steps.
How it shows: inputs whose root mean square is above {large:g}, or whose features differ in scale by a
    factor of more than {different:g}; and the run learns clearly better on standardized inputs, or on
    such whose outliers are limited. Of a program whose loss tells nothing (Q-learning, policies): the first
    layer puts out numbers above {huge:g}, and the returns that the program prints do not rise.
Confused with: a learning rate that is too high, weights that are too large.
Sick recipe: MNIST pixels 0 to 255.
Healthy look-alike: 2-D points of about +-10 that the network copes with.
Remedies: standardize, or batch norm on the input; where a few values are far off, find out what they stand
    for, or limit them.
References: LeCun et al. 1998, 'Efficient BackProp', sec. 4.3.
"""

from __future__ import annotations

from math import isfinite

import numpy as np

from koubai.doctor.diagnoses.diagnosis import CURED, DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.clinic import Trial
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure
from koubai.doctor.visit.returns import returns_rise

_LARGE = 5.0
_DIFFERENT = 100.0
_FAR = 10.0  # standard deviations from 0
_HUGE = 20.0  # root mean square of what the first layer puts out


@DIAGNOSES.register
class DataNotNormalized(Diagnosis):
    """Inputs of unsuitable size, and a cure by standardizing."""

    code = "K017"
    aliases = (
        "not normalised",
        "not normalized",
        "data not normalised",
        "normalization",
        "input scale",
        "missing preprocessing",
        "unnormalized data",
        "scaling",
        "正規化されていないデータ",
        "入力の正規化",
    )
    depth = 0
    points_at = ("model", "loss", "backward")
    explains = (
        "not_finite",
        "learning_rate_too_high",
        "learning_rate_too_low",
        "saturated_units",
        "dead_units",
        "oscillation",
        "exploding_gradient",
        "not_learning",
        "init_too_large",
        "vanishing_gradient",
        "too_few_steps",
    )
    remedies = ("standardize_inputs", "limit_outliers")

    def sign(self, visit: Consultation) -> Sign | None:
        """A large root mean square, scales of features that differ, or a mean far from 0."""
        data = visit.patient.data
        if data.mean is None or data.std is None:
            return _of_states(visit)
        size = float(np.sqrt(np.mean(data.mean**2 + data.std**2)))
        varying = data.std[data.std > 1e-12]
        spread = float(varying.max() / np.median(varying)) if len(varying) else 1.0
        far = float(np.median(np.abs(data.mean[data.std > 1e-12]) / varying)) if len(varying) else 0.0
        if not isfinite(size) or (size <= _LARGE and spread <= _DIFFERENT and far <= _FAR):
            return None
        measures = (
            Measure("input_size", size, _LARGE),
            Measure("feature_spread", spread, _DIFFERENT),
            Measure("input_offset", far, _FAR),
        )
        details = {"low": data.low, "high": data.high}
        return Sign(
            measures, visit.patient.weighted[0].path if visit.patient.weighted else None, 0, details=details
        )

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Worse than simple learners, or not finite; or clearly worse than on standardized inputs."""
        if sign.by_hand:
            return True
        if visit.harmed or not np.isfinite(visit.patient.losses).all():
            return True
        relief = visit.relief(visit.remedy("standardize_inputs"))
        return relief is not None and relief >= CURED and visit.shortfall > 0.05

    def treat(self, visit: Consultation, sign: Sign) -> list[tuple[str, Trial | None]]:
        """Where the loss tells nothing, no trial does."""
        return [] if sign.by_hand else super().treat(visit, sign)


def _of_states(visit: Consultation) -> Sign | None:
    """Return the sign of states that are far too large for a network whose returns do not rise."""
    patient, first = visit.patient, visit.patient.first
    if patient.loss_speaks or first is None or not patient.weighted:
        return None
    check = first.layers.get(patient.weighted[0].path)
    if check is None or returns_rise(patient.aims.paid) is not False:
        return None
    size = float(np.sqrt(np.mean(check.mean**2 + check.std**2)))
    if not isfinite(size) or size <= _HUGE:
        return None
    measure = Measure("first_output", size, _HUGE)
    details = {"fault": "states", "size": size}
    return Sign((measure,), patient.weighted[0].path, 0, "warn", certain=True, by_hand=True, details=details)
