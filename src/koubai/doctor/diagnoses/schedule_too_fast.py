"""A schedule that is too fast.

What it is: the schedule has cut the learning rate to a hundredth or less when half of the run, or more, is
    still to come. Often `scheduler.step()` stands in the loop over batches, its numbers meant for epochs.
Why it hurts: the rest of the run trains with next to no rate; it looks as if the loss had settled.
How it shows: the rate is at most 1/100 of its highest since the first half of the run, the run does worse
    than it should, and with the rate kept it does better.
Confused with: a learning rate that is too low from the start. A run that has really settled.
Sick recipe: StepLR(step_size=10, gamma=.1) stepped after each batch.
Healthy look-alike: cosine or linear decay to 0, which is that low at the very end only; a warm-up; a rate cut
    after the loss has arrived.
Remedies: step the schedule once an epoch, or give it the number of updates; keep the rate.
References: PyTorch documentation, "How to adjust learning rate".
"""

from __future__ import annotations

from koubai.doctor.diagnoses.diagnosis import CURED, DIAGNOSES, Diagnosis, Sign
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_EARLY = 0.5  # of the run


@DIAGNOSES.register
class ScheduleTooFast(Diagnosis):
    """The rate was cut to nothing while there was still much to learn."""

    code = "K035"
    aliases = (
        "scheduler",
        "schedule",
        "lr schedule",
        "decay too fast",
        "スケジュール",
        "学習率の減衰が速すぎる",
    )
    depth = 1
    points_at = ("optimizer", "update")
    explains = ("learning_rate_too_low", "too_few_steps", "under_fitting", "not_learning", "dead_units")
    remedies = ("keep_learning_rate",)

    def sign(self, visit: Consultation) -> Sign | None:
        """The rate was at most 1/100 of its highest for much of the run, to its end."""
        patient = visit.patient
        cut = patient.loop.rate_cut
        if cut is None or not patient.finished or visit.too_short or cut > _EARLY * patient.step:
            return None
        share = 1 - cut / patient.step
        return Sign((Measure("rate_cut", share, _EARLY),), None, cut, details={"cut": cut, "share": share})

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Worse than simple learners; where nothing tells how well it does, worse than with its rate kept."""
        if visit.harmed or visit.comparable or not visit.can_try:
            return visit.harmed
        kept = visit.remedy("keep_learning_rate")
        return kept is not None and self.relief(visit, kept) >= CURED
