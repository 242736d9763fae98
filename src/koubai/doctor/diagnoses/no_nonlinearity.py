"""No hidden nonlinearity.

What it is: linear layers follow each other with nothing between.
Why it hurts: a chain of linear maps is one linear map: the depth is for nothing, and what is not linear
    in the data cannot be learned.
How it shows: no activation before the last weighted layer, and simple learners that are not linear reach
    more.
Confused with: under-fitting (too few units).
Sick recipe: 784-30-10 without activations.
Healthy look-alike: a bottleneck that is meant to be linear, on data that a linear model explains.
Remedies: ReLU between the layers.
References: Minsky and Papert 1969; Goodfellow, Bengio, Courville 2016, sec. 6.1.
"""

from __future__ import annotations

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_MORE = 0.05


@DIAGNOSES.register
class NoNonlinearity(Diagnosis):
    """Two weighted layers or more without an activation between, on data that asks for one."""

    code = "K024"
    aliases = (
        "missing activation",
        "no activation",
        "linear hidden layers",
        "activation",
        "非線形性の欠如",
        "活性化関数なし",
    )
    depth = 0
    explains = ("under_fitting", "not_learning", "too_few_steps")
    remedies = ("add_nonlinearity",)

    def sign(self, visit: Consultation) -> Sign | None:
        """Nothing nonlinear before the last weighted layer, and something nonlinear in the data."""
        patient = visit.patient
        if len(patient.weighted) < 2 or patient.hidden_activations:
            return None
        hidden = patient.layers[: patient.layers.index(patient.weighted[-1])]
        if not all(layer.traits.affine for layer in hidden) or visit.reach is None:  # the unknown may bend
            return None
        gap = visit.reach.best - visit.reach.linear
        if gap < _MORE:
            return None
        return Sign((Measure("nonlinear_gain", gap, _MORE),), patient.weighted[0].path, 0)
