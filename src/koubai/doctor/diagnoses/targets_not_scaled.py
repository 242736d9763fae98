"""Targets not scaled.

What it is: values to predict that are far larger or smaller than 1, or far from 0: prices around 100,000.
Why it hurts: outputs begin near +-1. Squared error has a gradient as large as the error: the same rate that
    suits targets of 1 diverges; an optimizer with steps of its own size (Adam) needs a step for each bit of
    the long way. For tiny targets the outputs must come down to nearly 0 first.
How it shows: targets whose root mean square is above {large:g}, whose standard deviation is below
    {small:g}, or whose mean is more than {far:g} deviations from 0; and the run learns on standardized
    targets, or where the inputs are standardized as well.
Confused with: under-fitting, a learning rate that is too high or too low, too few steps.
Sick recipe: house prices, mean squared error, Adam .001.
Healthy look-alike: targets between -10 and 10.
Remedies: standardize the targets by the training part, and undo it on predictions.
References: LeCun et al. 1998, 'Efficient BackProp', sec. 4.5; Bishop 1995, sec. 8.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite

import numpy as np

from koubai.doctor.diagnoses.diagnosis import CURED, DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.clinic import Trial
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_LARGE = 10.0
_SMALL = 0.03
_FAR = 10.0
_ENOUGH = 0.9  # of what is missing: nothing else need be tried
_MORE = 0.1  # of the same: then both names are said
_PLAIN = 10.0  # times beyond these limits: targets that need no trial to be blamed


@DIAGNOSES.register
class TargetsNotScaled(Diagnosis):
    """Targets of unsuitable size for bare outputs, and a cure by standardizing."""

    code = "K032"
    aliases = (
        "target scale",
        "target scaling",
        "target normalization",
        "unscaled targets",
        "targets not normalized",
        "targets not normalised",
        "targets not standardized",
        "正解値の尺度",
        "目標値の正規化",
        "目的変数の標準化",
    )
    depth = 0
    points_at = ("loss", "backward", "model")
    explains = (
        "not_finite",
        "learning_rate_too_high",
        "learning_rate_too_low",
        "exploding_gradient",
        "vanishing_gradient",
        "dead_units",
        "saturated_units",
        "oscillation",
        "not_learning",
        "too_few_steps",
        "under_fitting",
        "init_too_large",
        "init_too_small",
    )
    remedies = ("standardize_targets", "standardize_inputs_and_targets")

    def sign(self, visit: Consultation) -> Sign | None:
        """Values compared with bare outputs: large, tiny, or with a mean that hides how they differ."""
        patient = visit.patient
        if patient.task != "values" or patient.takes != "values" or patient.output_activations:
            return None
        if patient.data.t is None or not len(patient.data.t):
            return None
        t = np.asarray(patient.data.t, dtype=np.float64).reshape(len(patient.data.t), -1)
        mean, std = t.mean(axis=0), t.std(axis=0)
        size, spread = float(np.sqrt(np.mean(mean**2 + std**2))), float(np.sqrt(np.mean(std**2)))
        if not isfinite(size) or spread == 0:
            return None
        far = float(np.sqrt(np.mean(mean**2))) / spread
        if size <= _LARGE and spread >= _SMALL and far <= _FAR:
            return None
        measures = (
            Measure("target_size", size, _LARGE),
            Measure("target_spread", spread, _SMALL, above=False),
            Measure("target_offset", far, _FAR),
        )
        plain = size > _PLAIN * _LARGE or spread < _SMALL / _PLAIN
        details = {"low": float(t.min()), "high": float(t.max()), "plain": plain}
        return Sign(measures, patient.weighted[-1].path if patient.weighted else None, 0, details=details)

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Worse than simple learners, or not finite."""
        return visit.harmed or not np.isfinite(visit.patient.losses).all()

    def treat(self, visit: Consultation, sign: Sign) -> list[tuple[str, Trial | None]]:
        """The targets; where that leaves something to wish, both, unless the inputs alone are to blame."""
        alone, both = self.remedies
        tried = [(alone, visit.remedy(alone))]
        brought = self._brought(visit, alone)
        if brought < _ENOUGH and (brought >= CURED or self._brought(visit, "standardize_inputs") < CURED):
            tried.append((both, visit.remedy(both)))
        return tried

    def relief(self, visit: Consultation, trial: Trial) -> float:
        """Counted from the mean, if the run is worse: to come there from an R^2 of -14 is no learning."""
        begin = max(visit.skill, visit.chance)
        share = (trial.train_skill - begin) / (visit.goal - begin) if visit.goal > begin else 1.0
        return min(super().relief(visit, trial), max(0.0, share))

    def _brought(self, visit: Consultation, remedy: str) -> float:
        trial = visit.remedy(remedy)
        return 0.0 if trial is None else self.relief(visit, trial)

    def told(self, sign: Sign, reliefs: Mapping[str, float]) -> Sign:
        """Say so where both together helped more."""
        alone, both = (reliefs.get(name, 0.0) for name in self.remedies)
        return replace(sign, details={**sign.details, "fault": "both"}) if both > alone + _MORE else sign

    def stands_alone(self, visit: Consultation, sign: Sign) -> bool:
        """Without trials, only targets far beyond what a network copes with."""
        return bool(sign.details["plain"])
