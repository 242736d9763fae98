"""Not learning.

What it is: the loss stays where a network is that knows nothing, and no cause was found.
Why it hurts: the network answers the same whatever it is asked.
How it shows: the skill stays within {stuck:.0%} of the way from chance to what simple learners reach, or
    always answering the most frequent class would do better.
Confused with: everything that causes it; this name is given only if no cause is.
Sick recipe: every recipe below that stands still.
Healthy look-alike: a plateau before learning begins; labels that nothing can be learned from; a short run
    whose loss falls steadily, and has not reached the level of the classes' shares yet.
Remedies: fit one batch of 16 samples first; if that fails, look at output, loss and rate; if not, at
    data.
References: Karpathy 2019, "A recipe for training neural networks".
"""

from __future__ import annotations

import numpy as np

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.clinic import Trial
from koubai.doctor.visit.consultation import STUCK, Consultation
from koubai.doctor.visit.finding import Measure
from koubai.doctor.visit.returns import returns_fall


@DIAGNOSES.register
class NotLearning(Diagnosis):
    """The skill is that of chance after the whole run, or below it."""

    code = "K012"
    aliases = ("plateau", "stuck", "no learning", "学習が進まない", "停滞", "プラトー")
    depth = 5
    describes = True
    remedies = ("add_batch_norm", "use_adam", "use_selu", "suitable_init")

    def sign(self, visit: Consultation) -> Sign | None:
        """Stuck at the end. A loss of an unknown kind may stand still: that of two networks that compete."""
        paid = visit.patient.aims.paid
        if not visit.patient.loss_speaks and returns_fall(paid):
            details = {"fault": "returns", "first": paid[0], "last": paid[-1]}
            return Sign((), None, None, "warn", certain=True, by_hand=True, details=details)
        if not visit.patient.finished or not visit.stuck or visit.patient.step < 20:
            return None
        if not visit.skill_known and np.isfinite(visit.patient.losses).all():
            return None
        if visit.on_its_way:
            return None
        details = {"fault": "below_chance", "chance": visit.chance} if visit.below_chance else {}
        return Sign(
            (Measure("shortfall", visit.shortfall, 1 - STUCK),), None, None, "severe", details=details
        )

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Worse than simple learners; or returns that fall."""
        return visit.harmed or sign.by_hand

    def treat(self, visit: Consultation, sign: Sign) -> list[tuple[str, Trial | None]]:
        """Nothing in particular."""
        return []
