"""Class imbalance.

What it is: some classes are much rarer than others, and the network ignores them.
Why it hurts: the accuracy looks fine, and the rare class, often the one that matters, is never named.
How it shows: the largest class is more than ten times as frequent as the smallest, and the recall of the
    rare classes is less than half of that of the others.
Confused with: not learning (accuracy at the share of the largest class).
Sick recipe: two blobs, 950 against 50.
Healthy look-alike: rare classes that are recognized.
Remedies: weigh or resample the classes; judge by recall of each class, not by accuracy.
References: He and Garcia 2009, 'Learning from imbalanced data'.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.doctor.clinic import Trial
from koubai.doctor.consultation import Consultation
from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.finding import Measure

_RATIO = 10.0
_RECALL = 0.5


@DIAGNOSES.register
@dataclass(frozen=True)
class ClassImbalance(Diagnosis):
    """Rare classes that are not recognized."""

    code = "K021"
    aliases = ("imbalance", "imbalanced classes", "unbalanced data", "クラス不均衡", "不均衡データ")
    depth = 0
    explains = ("not_learning",)
    remedies = ()

    def sign(self, visit: Consultation) -> Sign | None:
        """Counts more than 10 : 1."""
        counts = visit.patient.data.class_counts
        if counts is None or not visit.patient.finished:
            return None
        present = counts[counts > 0]
        ratio = float(present.max() / present.min()) if len(present) > 1 else 1.0
        if ratio <= _RATIO:
            return None
        recall = _recall_of_rare(visit, counts)
        if recall is None:
            return None
        measures = (
            Measure("class_ratio", ratio, _RATIO),
            Measure("rare_recall", recall, _RECALL, above=False),
        )
        return Sign(measures, None, 0, "warn", certain=True, details={"ratio": ratio, "recall": recall})

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Rare classes are missed while the frequent ones are known."""
        return sign.details["recall"] < _RECALL and not visit.harmed

    def treat(self, visit: Consultation, sign: Sign) -> list[tuple[str, Trial | None]]:
        """No remedy to fork."""
        return []


def _recall_of_rare(visit: Consultation, counts: np.ndarray) -> float | None:
    """Recall of the classes below a tenth of the largest, over the training samples of the last look."""
    look = visit.patient.last
    if look is None or look.outputs is None or look.targets is None:
        return None
    y, t = look.outputs, look.targets
    cut = 0.0 if visit.patient.takes == "logits" else 0.5
    answers = (y[:, 0] > cut).astype(int) if y.shape[1] == 1 else y.argmax(axis=1)
    rare = np.flatnonzero((counts > 0) & (counts < counts.max() / _RATIO))
    rows = np.isin(t, rare)
    return float((answers[rows] == t[rows]).mean()) if rows.sum() >= 5 else None
