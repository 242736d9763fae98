"""Accumulated gradients that are not averaged.

What it is: several batches make one update, and the loss of each is not divided by their number: gradients
    add up, and the step is as many times longer.
Why it hurts: the rate is in effect that many times higher than the one that is written.
How it shows: two or more backward passes in an update, each of the whole loss of its batch, with an optimizer
    whose steps grow with the gradient (not Adam); the run does worse than it should, and with the rate
    divided by the number of batches it learns.
Confused with: a learning rate that is too high, which this is in effect.
Sick recipe: sixteen batches per update, the loss undivided, at the rate of one.
Healthy look-alike: the same with a rate that suits it; a loss divided by the number of batches.
Remedies: `(loss / batches).backward()`; or that much less of a rate.
References: PyTorch documentation, "Automatic mixed precision examples", section "Gradient accumulation".
"""

from __future__ import annotations

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.clinic import Change, Trial
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure


@DIAGNOSES.register
class GradientsSummed(Diagnosis):
    """Several batches per update, added up; and the rate is too high for it."""

    code = "K037"
    aliases = ("gradient accumulation", "accumulation", "accumulate", "勾配累積", "勾配蓄積")
    depth = 1
    points_at = ("backward", "update")
    explains = (
        "learning_rate_too_high",
        "oscillation",
        "not_learning",
        "not_finite",
        "exploding_gradient",
        "dead_units",
        "saturated_units",
        "under_fitting",
    )

    def sign(self, visit: Consultation) -> Sign | None:
        """Two batches per update or more, undivided, where that makes steps longer."""
        loop, optimizer = visit.patient.loop, visit.patient.optimizer
        if loop.summed < 2 or optimizer is None or optimizer.adaptive:
            return None
        measure = Measure("batches_an_update", loop.summed, 2)
        return Sign((measure,), None, 1, by_hand=True, details={"count": loop.summed})

    def treat(self, visit: Consultation, sign: Sign) -> list[tuple[str, Trial | None]]:
        """The rate divided by the number of batches: as if by the mean of the gradients."""
        divided = Change("learning_rate", 1 / visit.patient.loop.summed)
        return [("divided", visit.trial(divided))]

    def stands_alone(self, visit: Consultation, sign: Sign) -> bool:
        """Many programs add up, and choose their rate for it: only a trial tells."""
        return False
