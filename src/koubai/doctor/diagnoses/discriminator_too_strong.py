"""Discriminator far too strong.

What it is: of two networks that compete, the one that tells real from made-up is always right, and the other
    cannot fool it any more.
Why it hurts: the gradient that reaches the generator says little but 'all wrong': it does not get better.
How it shows: in the later half of the updates the loss of the discriminator stays below {won:.0%} of that of
    knowing nothing, and the loss of the generator above {lost:.0f} times that; or, where the generator
    maximizes the discriminator's loss, as near to 0 as that.
Confused with: a good discriminator early in training; a low loss that means success elsewhere.
Sick recipe: a generator whose rate is a thousandth of the discriminator's; a discriminator that is updated
    five times as often; real pictures that made-up ones can never match (another range of values).
Healthy look-alike: the first updates, in which any discriminator wins; critics, whose loss has no floor.
Remedies: the same rate for both, or a lower one for the discriminator; fewer of its updates; smoothed labels;
    the same range of values for real and made-up samples; noise on both.
References: Goodfellow et al. 2014, "Generative adversarial networks", sec. 3; Arjovsky and Bottou 2017,
    "Towards principled methods for training generative adversarial networks", sec. 2.
"""

from __future__ import annotations

import numpy as np

from koubai.core.params import Array
from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_WON = 0.1  # of the loss of knowing nothing
_LOST = 5.0  # times the loss of knowing nothing
_FEWEST = 100  # updates: at first any discriminator wins
_PARTS = 5  # of the later half: in each of them


@DIAGNOSES.register
class DiscriminatorTooStrong(Diagnosis):
    """A discriminator that nobody can fool any more."""

    code = "K041"
    aliases = (
        "discriminator wins",
        "discriminator loss zero",
        "gan imbalance",
        "識別器が強すぎる",
        "識別器の損失が0",
    )
    depth = 0
    is_harm = True  # the generator's own loss has told
    points_at = ("optimizer", "backward", "loss")

    def sign(self, visit: Consultation) -> Sign | None:
        """Its loss is near 0 in every part of the later half, that of the generator high."""
        duel = visit.patient.duel
        if duel is None or min(len(duel.discriminator), len(duel.generator)) < _FEWEST:
            return None
        own, made = (_later(losses) / duel.floor for losses in (duel.discriminator, duel.generator))
        # A generator that maximizes the discriminator's loss has nothing left to maximize: its own is near 0.
        minimax = made.max() <= 0 and made.min() > -_WON
        if not (own.max() < _WON and (minimax or made.min() > _LOST)):
            return None
        return Sign(
            (
                Measure("discriminator_loss", float(own.max()), _WON, above=False),
                Measure("generator_loss", float(made.min()), _LOST),
            ),
            severity="warn",
            certain=True,
            by_hand=True,
            details={"own": float(own[-1] * duel.floor), "made": float(made[-1] * duel.floor)},
        )


def _later(losses: Array) -> Array:
    """Return the mean losses of the parts of the later half."""
    return np.array([part.mean() for part in np.array_split(losses[len(losses) // 2 :], _PARTS)])
