"""Saturated units.

What it is: sigmoid or tanh units that stand on their flat ends, whatever the sample.
Why it hurts: f' is nearly 0 there, so no gradient gets through, and the unit answers the same to
    everything.
How it shows: mean f' / max f' is below {flat:g} for more than {share:.0%} of the units of a hidden layer.
Confused with: a trained output layer, which is sure of its answers and should be; vanishing through
    depth, where every unit is fine and only the product is small.
Sick recipe: sigmoid layers with normal(0, 1) weights on 784 inputs.
Healthy look-alike: a saturated sigmoid at the output.
Remedies: the root's (normalized inputs, weights of suitable scale, a lower rate), batch norm, ReLU.
References: Glorot and Bengio 2010, sec. 3.
"""

from __future__ import annotations

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.signs import initial, slopes
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_FLAT = 0.1
_SHARE = 0.5


@DIAGNOSES.register
class SaturatedUnits(Diagnosis):
    """More than half of the units of a hidden sigmoid or tanh let less than a tenth of the slope through."""

    code = "K005"
    aliases = (
        "saturation",
        "saturated activation",
        "saturated sigmoid",
        "saturated tanh",
        "飽和",
        "活性化関数の飽和",
    )
    depth = 4
    experiment = "gradient-flow"
    explains = ("vanishing_gradient", "not_learning", "under_fitting")
    remedies = ("add_batch_norm", "use_relu", "suitable_init", "standardize_inputs", "lower_learning_rate")
    specific = ("add_batch_norm", "use_relu")

    def sign(self, visit: Consultation) -> Sign | None:
        """The first layer with more than half of its units on the flat, in the last look."""
        patient, look = visit.patient, visit.patient.last
        if look is None:
            return None
        flat = {path: float((slope < _FLAT).mean()) for path, slope in slopes(patient, look).items()}
        path = next((path for path, share in flat.items() if share > _SHARE), None)
        if path is None:
            return None
        first = initial(patient)
        at_start = slopes(patient, first).get(path) if first is not None else None
        born = at_start is not None and float((at_start < _FLAT).mean()) > _SHARE
        return Sign(
            (Measure("flat_share", flat[path], _SHARE),),
            path,
            0 if born else None,
            details={"share": flat[path]},
        )
