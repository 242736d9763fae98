"""Data sorted by class.

What it is: the training samples come in the order of their classes, and nobody shuffles them: a batch
    holds one class, and so do those beside it.
Why it hurts: while one class is shown, answering it always is right. The network unlearns the others, and
    ends with the class that came last.
How it shows: over {fewest:.0f} batches or more, the labels within a batch have less than {mixed:.0%} of the
    entropy of all labels, and the most frequent class changes from one batch to the next less than
    {changing:.0%} as often as if the same batches came in any order. And the run does worse than simple
    learners, or has a skill below {known:g} on all it was shown.
Confused with: a rate that is too high (the loss saw-teeth, and a lower rate forgets less), too small a
    network, over-fitting.
Sick recipe: `DataLoader(ImageFolder(...))` without `shuffle=True`.
Healthy look-alike: batches of one class that are drawn in any order; sorted data that are not forgotten,
    since the rate is low; two networks that compete, with one label each.
Remedies: `shuffle=True`, or a new permutation in every epoch.
References: French 1999, 'Catastrophic forgetting in connectionist networks'.
"""

from __future__ import annotations

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.visit.consultation import Consultation

_FEWEST = 12.0
_MIXED = 0.25
_CHANGING = 0.5
_KNOWN = 0.5


@DIAGNOSES.register
class DataSorted(Diagnosis):
    """Batches of one class each, one class after another."""

    code = "K044"
    aliases = (
        "no shuffle",
        "shuffle=False",
        "sorted data",
        "forgetting",
        "シャッフル忘れ",
        "クラス順のデータ",
    )
    depth = 0
    points_at = ("model", "loss", "backward")
    explains = (
        "under_fitting",
        "learning_rate_too_high",
        "learning_rate_too_low",
        "oscillation",
        "not_learning",
        "class_imbalance",
        "over_fitting",
        "too_few_steps",
        "representations_alike",
        "dead_units",
    )

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Worse than simple learners; or classes that came earlier are not known any more."""
        return visit.harmed or (visit.skill_known and visit.skill < _KNOWN)

    def sign(self, visit: Consultation) -> Sign | None:
        """Batches that are nearly pure, and alike for long."""
        order = visit.patient.order
        if order is None or order.batches < _FEWEST or order.mixed >= _MIXED:
            return None
        if order.changes >= _CHANGING * order.expected:
            return None
        details = {"batches": order.batches, "changes": order.changes, "expected": order.expected}
        return Sign((), None, 0, certain=True, by_hand=True, details=details)
