"""Output range.

What it is: the last activation cannot produce the targets: sigmoid for numbers above 1, ReLU for negative
    ones.
Why it hurts: the best the network can do is to sit at the end of its range, where its gradient is 0.
How it shows: the share of targets outside the range of the last activation.
Confused with: dead or saturated units at the output (which follow), under-fitting.
Sick recipe: regression with targets in [-1, 1] and ReLU at the output.
Healthy look-alike: sigmoid for targets in [0, 1].
Remedies: no activation at the output; or bring the targets into the range.
References: Bishop 2006, sec. 5.2.
"""

from __future__ import annotations

import numpy as np

from koubai.core.params import Array
from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.visit.consultation import HARMED, Consultation
from koubai.doctor.visit.finding import Measure

_CONFIRMS = 0.9  # of the squared distance that the range forbids: so much at least is missing
_OUTSIDE = 0.05
_ROUNDING = 1e-3


def _within(outputs: Array, low: float, high: float) -> bool:
    """Whether answers lie where an activation puts them: else it is not the last thing that is done."""
    return bool(np.nanmin(outputs) >= low - _ROUNDING and np.nanmax(outputs) <= high + _ROUNDING)


@DIAGNOSES.register
class OutputRange(Diagnosis):
    """More than 5 % of the targets lie outside the range of the last activation."""

    code = "K023"
    aliases = (
        "output layer",
        "output activation",
        "last layer activation",
        "target range",
        "出力範囲",
        "出力層",
    )
    depth = 0
    explains = (
        "not_learning",
        "dead_units",
        "saturated_units",
        "under_fitting",
        "learning_rate_too_low",
        "too_few_steps",
        "output_loss_mismatch",
        "vanishing_gradient",
        "learning_rate_too_high",
        "oscillation",
        "not_finite",
    )
    remedies = ("fix_output",)

    def sign(self, visit: Consultation) -> Sign | None:
        """Targets that are values, an activation with a bounded range, and targets beyond it."""
        patient = visit.patient
        if patient.task != "values" or patient.data.t is None or not patient.output_activations:
            return None
        layer = patient.output_activations[-1]
        if layer.traits.gives == "shares":
            low, high = 0.0, 1.0
        elif layer.activation is not None:
            low, high = layer.activation.range
        else:
            return None
        look, t = patient.last, np.asarray(patient.data.t, dtype=np.float64)
        if look is not None and look.outputs is not None and not _within(look.outputs, low, high):
            return None
        slack = 0.01 * float(t.max() - t.min())
        outside = float(((t < low - slack) | (t > high + slack)).mean())
        if outside <= _OUTSIDE:
            return None
        beyond = float(np.square(t - t.clip(low, high)).mean())
        lost = beyond / float(t.var()) if t.var() > 0 else 0.0
        details = {"activation": layer.kind, "low": low, "high": high, "share": outside, "lost": lost}
        return Sign(
            (Measure("targets_outside", outside, _OUTSIDE),), layer.path, 0, certain=True, details=details
        )

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Worse than simple learners; or what no answer can reach is much, and so much is missing."""
        lost = sign.details["lost"]
        missing = visit.skill_known and visit.skill <= 1 - _CONFIRMS * lost
        return visit.harmed or (lost > HARMED and missing)
