"""Class imbalance.

What it is: some classes are much rarer than others, and the network does not recognize them.
Why it hurts: the accuracy looks fine, and the rare class, often the one that matters, is hardly ever named.
How it shows: the largest class is more than {ratio:g} times as frequent as the smallest, and on held-out
    samples the recall of the rare classes lies more than {harmed:g} below that of the others. The
    training samples do not tell: the few of a rare class are soon known by heart. And a simple learner
    that weighs the classes recognizes the rare ones clearly better: that they are rare is what hurts, not
    that they are hard.
Confused with: not learning (accuracy at the share of the largest class), over-fitting (there all classes
    suffer).
Sick recipe: two blobs, 950 against 50.
Healthy look-alike: rare classes that are recognized; letters and words, which are uneven by nature: whoever
    weighs them answers worse; rare classes that nobody can tell from the others.
Remedies: weigh or resample the classes; judge by recall of each class, not by accuracy.
References: He and Garcia 2009, 'Learning from imbalanced data'.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from koubai.core.params import Array
from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.skill import answers
from koubai.doctor.visit.consultation import HARMED, Consultation
from koubai.doctor.visit.finding import Measure
from koubai.doctor.visit.reference import recalls_weighed

_RATIO = 10.0
_GAINED = 0.05  # of both recalls together, by weighing the classes
_FEWEST = 5  # samples of rare classes below which their recall is not known


@DIAGNOSES.register
@dataclass(frozen=True)
class ClassImbalance(Diagnosis):
    """Rare classes that are not recognized."""

    code = "K021"
    aliases = ("imbalance", "imbalanced classes", "unbalanced data", "クラス不均衡", "不均衡データ")
    depth = 0
    points_at = ("loss", "backward", "model")
    explains = ("not_learning", "over_fitting")
    remedies = ()

    def sign(self, visit: Consultation) -> Sign | None:
        """A class that is many times as frequent as another."""
        counts = visit.patient.data.class_counts
        if counts is None or not visit.patient.finished:
            return None
        present = counts[counts > 0]
        ratio = float(present.max() / present.min()) if len(present) > 1 else 1.0
        if ratio <= _RATIO:
            return None
        recalls = _recalls(visit, _rare(counts))
        if recalls is None:
            return None
        rare, others, error = recalls
        measures = (
            Measure("class_ratio", ratio, _RATIO),
            Measure("rare_recall", rare, others - max(HARMED, 3 * error), above=False),
        )
        details = {"ratio": ratio, "recall": rare, "others": others}
        return Sign(measures, None, 0, "warn", certain=True, details=details)

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Rare classes are missed while the others are known, and weighing the classes would find them."""
        rare, others = sign.details["recall"], sign.details["others"]
        if not sign.measures[1].sick or visit.harmed:
            return False
        counts = visit.patient.data.class_counts
        assert counts is not None  # else there were no sign
        weighed = recalls_weighed(visit.patient.data, _rare(counts))
        return weighed is not None and weighed[0] > rare + HARMED and sum(weighed) > rare + others + _GAINED


def _rare(counts: Array) -> Array:
    """Which classes occur, and are rare."""
    found: Array = (counts > 0) & (counts < counts.max() / _RATIO)
    return found


def _recalls(visit: Consultation, rare: Array) -> tuple[float, float, float] | None:
    """Return the recall of the rare classes, that of the others, and the standard error of the difference.

    On held-out samples, or on those of the last look where too few of the rare were held out. None where
    the outputs are not known.
    """
    patient, look = visit.patient, visit.patient.last
    seen = (look.outputs, look.targets) if look is not None else (None, None)
    for y, t in ((patient.held_outputs, patient.data.t_held), seen):
        if y is None or t is None or t.ndim != 1:
            continue
        of_rare = np.isin(t, np.flatnonzero(rare))
        right = answers(y.reshape(len(t), -1), patient.takes) == t
        if of_rare.sum() >= _FEWEST and (~of_rare).any():
            parts = (right[of_rare], right[~of_rare])
            # One right and one wrong answer more (Agresti, Coull 1998): five of five are not certainty.
            shares = [((part.sum() + 1) / (len(part) + 2), len(part)) for part in parts]
            error = sqrt(sum(p * (1 - p) / n for p, n in shares))
            return float(parts[0].mean()), float(parts[1].mean()), error
    return None
