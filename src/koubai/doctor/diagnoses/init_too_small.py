"""Initial weights too small.

What it is: the weights start on a scale far below the one at which a layer passes on the size of its
    input.
Why it hurts: every layer shrinks the signal, and the gradient on its way back, by the same factor; after
    some layers nothing of the input is left, and the run stands still until the weights have grown.
How it shows: std(W) / sqrt(g / fan_in), with g = 2 before rectifiers, else 1, multiplied over the hidden
    layers without batch norm where it is below {small:g}, is below {faint:g}; what the last layer puts
    out hardly differs from sample to sample; the loss stands still at the start.
Confused with: vanishing gradient from the activation (the scale is right and it still vanishes), a
    learning rate that is too low, dead units.
Sick recipe: 784-40-20-10 with sigmoid or ReLU and normal(0, .01).
Healthy look-alike: small weights in front of batch norm; a small output layer; one hidden layer only; many
    layers of a usual scale (.4 to .6 in PyTorch), or a shortcut or a norm that keeps the signal alive.
Remedies: He before ReLU, Xavier before tanh, Xavier or larger before sigmoid, LeCun before SELU; batch norm.
References: Glorot and Bengio 2010; He et al. 2015.
"""

from __future__ import annotations

from math import isfinite, prod

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.checkup import Checkup
from koubai.doctor.patient.clinic import Trial
from koubai.doctor.patient.patient import Patient
from koubai.doctor.patient.signs import initial, plateau, scale_ratios
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_FAINT = 0.05
_SMALL = 0.3  # of the suitable scale: PyTorch's own initial weights have .4 to .6 of it
_ALIVE = 0.1  # by so much samples differ behind the last layer, where a norm or a shortcut kept them apart
_PLATEAU = 0.08


@DIAGNOSES.register
class InitTooSmall(Diagnosis):
    """The product over depth of weight scale / suitable scale is far below 1."""

    code = "K007"
    aliases = (
        "weight initialization",
        "bad init scale",
        "small weights",
        "init scale",
        "小さすぎる初期値",
        "重みの初期値",
    )
    depth = 1
    experiment = "initialization"
    explains = (
        "vanishing_gradient",
        "dead_units",
        "not_learning",
        "learning_rate_too_low",
        "too_few_steps",
        "under_fitting",
    )
    remedies = ("suitable_init", "use_selu", "add_batch_norm")
    specific = ("suitable_init",)

    def sign(self, visit: Consultation) -> Sign | None:
        """A product of ratios below .05, no ratio of zero (that is symmetry)."""
        look = initial(visit.patient)
        ratios = scale_ratios(visit.patient, look) if look is not None else {}
        if not ratios or not min(ratios.values()) > 0 or not isfinite(prod(ratios.values())):
            return None
        faint = {path: ratio for path, ratio in ratios.items() if ratio < _SMALL}
        product = prod(faint.values())
        if product >= _FAINT or _alive(visit.patient, look):
            return None
        path = next(iter(faint))
        measures = (
            Measure("scale_product", product, _FAINT, above=False),
            Measure("scale_ratio", ratios[path], 1.0, above=False),
        )
        return Sign(measures, path, 0, details={"ratio": ratios[path]})

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Worse than simple learners, or a long standstill that a suitable scale does not have."""
        if visit.harmed:
            return True
        still = plateau(visit.patient.losses, visit.floor_loss)
        if still.share < _PLATEAU:
            return False
        trial = visit.remedy("suitable_init")
        if trial is None:
            return False
        return trial.finite and plateau(trial.losses, visit.floor_loss).steps <= still.steps / 3

    def relief(self, visit: Consultation, trial: Trial) -> float:
        """The skill it brought; where no skill is missing, the share of the standstill it saved."""
        if visit.harmed:
            return super().relief(visit, trial)
        still = plateau(visit.patient.losses, visit.floor_loss).steps
        left = plateau(trial.losses, visit.floor_loss).steps if trial.finite else still
        return max(0.0, 1 - left / still)


def _alive(patient: Patient, look: Checkup | None) -> bool:
    """Whether what the last weighted layer puts out tells samples apart, whatever stands before it."""
    last = look.layers.get(patient.weighted[-1].path) if look is not None else None
    return last is not None and last.signal >= _ALIVE
