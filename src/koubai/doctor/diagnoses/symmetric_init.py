"""Symmetric initial weights.

What it is: all units of a hidden layer start with the same weights (zeros, or any constant).
Why it hurts: equal units get equal gradients, so they stay equal: a layer of 100 units is worth one. With
    zeros and ReLU no weight gets any gradient; only the output's bias learns.
How it shows: the units of W (its columns) are equal, and so are those of dW.
Confused with: vanishing gradient, dead units, a learning rate that is too low. Those follow from it.
Sick recipe: 784-128-64-10, all weights 0.
Healthy look-alike: an output layer that starts at 0, or the last layer of a residual branch: its
    gradient's rows differ, and after one step its weights do.
Remedies: random initial weights of suitable scale.
References: Goodfellow, Bengio, Courville 2016, sec. 8.4.
"""

from __future__ import annotations

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.signs import initial
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure


@DIAGNOSES.register
class SymmetricInit(Diagnosis):
    """Equal rows in W and in dW of a hidden layer, at the first and at the last look."""

    code = "K006"
    aliases = (
        "zero init",
        "zero initialization",
        "constant init",
        "symmetry",
        "weight initialization",
        "ゼロ初期化",
        "対称な初期値",
        "重みの対称性",
    )
    depth = 1
    experiment = "initialization"
    explains = (
        "vanishing_gradient",
        "dead_units",
        "not_learning",
        "learning_rate_too_low",
        "under_fitting",
        "too_few_steps",
        "init_too_small",
        "learning_rate_too_high",
        "saturated_units",
    )
    remedies = ("suitable_init",)

    def sign(self, visit: Consultation) -> Sign | None:
        """One distinct row at the start, with one distinct gradient, and still one at the end."""
        patient = visit.patient
        first, last = initial(patient), patient.last
        if first is None or last is None:
            return None
        for layer in patient.weighted[:-1]:
            then, now = first.params.get(layer.params[0]), last.params.get(layer.params[0])
            if then is None or now is None or not then.units or then.units < 2:
                continue
            if then.distinct == 1 and then.distinct_gradients == 1 and now.distinct == 1:
                measures = (Measure("distinct_units", 1.0, 1.5, above=False), Measure("units", then.units))
                return Sign(measures, layer.path, 0, certain=True, details={"units": then.units})
        return None
