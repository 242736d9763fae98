"""Initial weights too small.

What it is: the weights start on a scale far below the one at which a layer passes on the size of its
    input.
Why it hurts: every layer shrinks the signal, and the gradient on its way back, by the same factor; after
    some layers nothing of the input is left, and the run stands still until the weights have grown.
How it shows: std(W) / sqrt(g / fan_in), with g = 2 before rectifiers, else 1, multiplied over the hidden
    layers without batch norm, is below .05; the loss stands still at the start.
Confused with: vanishing gradient from the activation (the scale is right and it still vanishes), a
    learning rate that is too low, dead units.
Sick recipe: 784-40-20-10 with sigmoid or ReLU and normal(0, .01).
Healthy look-alike: small weights in front of batch norm; a small output layer; one hidden layer only.
Remedies: He before ReLU, Xavier before tanh, Xavier or larger before sigmoid, LeCun before SELU; batch norm.
References: Glorot and Bengio 2010; He et al. 2015.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, prod

from koubai.doctor.clinic import Trial
from koubai.doctor.consultation import Consultation
from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.finding import Measure
from koubai.doctor.signs import initial, plateau, scale_ratios

_FAINT = 0.05
_PLATEAU = 0.08


@DIAGNOSES.register
@dataclass(frozen=True)
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
        product = prod(ratios.values())
        if product >= _FAINT:
            return None
        faint = max(0.5, min(ratios.values()))  # many layers that each shrink a little have none below a half
        path = next(path for path, ratio in ratios.items() if ratio <= faint)
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
        trial = visit.remedy("suitable_init")
        if trial is None or still.share < _PLATEAU:
            return False
        return trial.finite and plateau(trial.losses, visit.floor_loss).steps <= still.steps / 3

    def relief(self, visit: Consultation, trial: Trial) -> float:
        """The skill it brought; where no skill is missing, the share of the standstill it saved."""
        if visit.harmed:
            return super().relief(visit, trial)
        still = plateau(visit.patient.losses, visit.floor_loss).steps
        left = plateau(trial.losses, visit.floor_loss).steps if trial.finite else still
        return max(0.0, 1 - left / still)
