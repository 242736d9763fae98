"""Posterior collapse.

What it is: the code of a variational autoencoder is that of the prior, whatever the input is: it tells
    nothing of it, and the decoder answers without it.
Why it hurts: every reconstruction is the mean of the data; the code is of no use to anybody.
How it shows: the mean distance of the codes from the prior (Kullback and Leibler) is below {nothing} nats a
    sample in all later looks.
Confused with: a low loss; a network too narrow for its data.
Sick recipe: the reconstruction's loss averaged over pixels (`reduction="mean"`) beside a distance that is
    summed; a weight far above 1 on the distance; a decoder that needs no code (it predicts letter by letter).
Healthy look-alike: the first updates of training; single numbers of the code that are not used.
Remedies: sum both terms over pixels and code, average both over samples; let the weight of the distance rise
    from 0; free bits; a weaker decoder.
References: Kingma and Welling 2014, "Auto-encoding variational Bayes", appendix B; Bowman et al. 2016,
    "Generating sentences from a continuous space", sec. 3.1; He et al. 2019, "Lagging inference networks and
    posterior collapse in variational autoencoders".
"""

from __future__ import annotations

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.spread import LATE, late
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_NOTHING = 0.1  # nats a sample: a seventh of a bit; codes that are used hold several
_FEWEST = 100  # updates: a code that is not used yet will be


@DIAGNOSES.register
class PosteriorCollapse(Diagnosis):
    """A code that holds nothing of its input."""

    code = "K038"
    aliases = (
        "kl vanishing",
        "kl collapse",
        "latent collapse",
        "vae collapse",
        "事後分布の崩壊",
        "潜在変数の崩壊",
    )
    depth = 0
    is_harm = True  # nobody trains a code to hold nothing
    points_at = ("backward", "loss", "model")
    explains = (
        "under_fitting",
        "not_learning",
        "dead_units",
        "learning_rate_too_low",
        "too_few_steps",
        "vanishing_gradient",
    )

    def sign(self, visit: Consultation) -> Sign | None:
        """The distance from the prior is 0 at the end."""
        patient = visit.patient
        end = [code for step, code in patient.codes.items() if step >= LATE * patient.step]
        if patient.step < _FEWEST or len(end) < 2:
            return None
        code, alike = max(end), [spread.inputs < _NOTHING for spread in late(patient.spreads, patient.step)]
        if not code < _NOTHING or any(alike) or not patient.loss_speaks:
            return None
        return Sign(
            (Measure("code_distance", code, _NOTHING, above=False),),
            None,
            next(step for step, code in patient.codes.items() if code < _NOTHING),
            "warn",
            certain=True,
            by_hand=True,
            details={"code": code},
        )
