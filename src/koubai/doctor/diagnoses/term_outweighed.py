"""A term of the loss is outweighed.

What it is: the loss is a sum, and one of its terms was never learned: where it meets the others its gradient
    is less than {weak:g} of all, in all looks; or it has a gradient of exactly 0.
Why it hurts: the network serves the other terms alone, whatever the sum says; what the small one stands for
    (a task, an end of an interval, an equation) is ignored.
How it shows: the gradients of all summands are taken where their ways meet in the backward pass. That of one
    of them is less than {weak:g} of all at every look, and its error is still that of knowing nothing, or
    half of that of the start.
Confused with: a term that has gone below the others because it is learned; under-fitting of everything.
Sick recipe: a price in yen (mean squared error in the millions) beside a cross-entropy; a boundary term of an
    equation without a weight; ReLU in a network whose second derivative is part of the loss (it is 0).
Healthy look-alike: penalties, divergences and entropies with a small weight; a weight of exactly 0, which
    switches a term off; a term that is learned although it is weighed lightly; an adversary behind a reversed
    gradient, which is meant to know nothing.
Remedies: bring the terms to one size: standardize targets, or weigh each by the inverse of its size; smooth
    activations where derivatives are learned.
References: Chen et al. 2018, "GradNorm"; Kendall, Gal, Cipolla 2018, "Multi-task learning using uncertainty
    to weigh losses"; Wang, Teng and Perdikaris 2021, "Understanding and mitigating gradient flow pathologies
    in physics-informed neural networks".
"""

from __future__ import annotations

from typing import Any

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.weak_term import WEAK
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure


@DIAGNOSES.register
class TermOutweighed(Diagnosis):
    """One summand of the loss is not learned, for the others pull harder by far."""

    code = "K046"
    aliases = (
        "loss terms unbalanced",
        "multi-task imbalance",
        "loss weighting",
        "損失の項の不均衡",
        "損失の重み付け",
    )
    depth = 0
    is_harm = True  # nobody adds a term so that it is not learned
    points_at = ("backward", "loss", "model")
    explains = ("under_fitting", "not_learning", "too_few_steps", "learning_rate_too_low", "oscillation")

    def sign(self, visit: Consultation) -> Sign | None:
        """A term with less than a hundredth of the gradient, that knows nothing at the end."""
        term = visit.patient.weak_term
        if term is None or not visit.patient.loss_speaks or visit.too_short:
            return None
        details: dict[str, Any] = {
            "number": term.number + 1,
            "terms": term.terms,
            "kind": term.kind,
            "error": term.error,
            "against": term.against,
        }
        if term.flat or not term.known:
            details["fault"] = "flat" if term.flat else "start"
        measures = (Measure("share_of_forces", term.share, WEAK, above=False),)
        return Sign(measures, None, 0, "warn", certain=True, by_hand=True, details=details)
