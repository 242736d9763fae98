"""Class imbalance.

What it is: some classes are much rarer than others, and the network does not recognize them.
Why it hurts: the accuracy looks fine, and the rare class, often the one that matters, is hardly ever named.
How it shows: the largest class is more than {ratio:g} times as frequent as the smallest, and on held-out
    samples the recall of the rare classes lies more than {harmed:g} below that of the others. The
    training samples do not tell: the few of a rare class are soon known by heart. And a simple learner
    that weighs the classes recognizes the rare ones clearly better (both recalls together gain {gained:g},
    or {spared:g} where the other classes lose less than {harmed:g}): that they are rare is what hurts, not
    that they are hard. Where the loss itself weighs a rare class less than the largest one, {uneven:g} to
    one and a gain of {turned:g} are enough. Where pictures are marked place by place: less than half of
    the places of rare classes are marked, and a learner that sees one window a place, and weighs the
    classes, gains {gained:g} of both recalls together, too.
Confused with: not learning (accuracy at the share of the largest class), over-fitting (there all classes
    suffer).
Sick recipe: two blobs, 950 against 50; `pos_weight=positives / negatives`.
Healthy look-alike: rare classes that are recognized; letters and words, which are uneven by nature: whoever
    weighs them answers worse; rare classes that hardly differ from the others (clicks), whose shares are
    what is wanted; a loss that weighs classes of equal size.
Remedies: weigh (the rarer, the more) or resample the classes; judge by recall of each class, not by accuracy.
References: He and Garcia 2009, 'Learning from imbalanced data'.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from koubai.core.params import Array
from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.visit.consultation import HARMED, Consultation
from koubai.doctor.visit.finding import Measure
from koubai.doctor.visit.recalls import recalls_of
from koubai.doctor.visit.reference import recalls_weighed

_RATIO = 10.0
_UNEVEN = 2.0  # the same where the loss weighs the rare classes less
_GAINED = 0.4  # of both recalls together, by weighing the classes: less is a rare class that is hard
_SPARED = 0.05  # the same where the others are recognized nearly as before: nothing is traded for it
_TURNED = 0.1  # the same where the loss weighs the rare classes less
_LESS = 0.8  # of the weight of the largest class


@DIAGNOSES.register
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
            return _by_place(visit)
        present = counts[counts > 0]
        ratio = float(present.max() / present.min()) if len(present) > 1 else 1.0
        turned = _turned(visit, counts)
        most = _UNEVEN if turned else _RATIO
        if ratio <= most:
            return None
        recalls = recalls_of(visit.patient, _rare(counts, most))
        if recalls is None:
            return None
        rare, others = recalls.rare, recalls.others
        measures = (
            Measure("class_ratio", ratio, most),
            Measure("rare_recall", rare, others - max(HARMED, 3 * recalls.error), above=False),
        )
        details: dict[str, Any] = {"ratio": ratio, "recall": rare, "others": others, "most": most}
        if turned:
            details |= {"fault": "turned", "weight": turned[0], "largest": turned[1]}
        return Sign(measures, None, 0, "warn", certain=True, details=details)

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Rare classes are missed while the others are known, and weighing the classes would find them."""
        if sign.details.get("fault") in ("places", "times"):
            return True
        rare, others = sign.details["recall"], sign.details["others"]
        if not sign.measures[1].sick or visit.harmed:
            return False
        counts = visit.patient.data.class_counts
        assert counts is not None  # else there were no sign
        weighed = recalls_weighed(visit.patient.data, _rare(counts, sign.details["most"]))
        if weighed is None or weighed[0] <= rare + HARMED:
            return False
        traded = _TURNED if sign.details.get("fault") else _GAINED
        spared = weighed[1] > others - HARMED
        return sum(weighed) > rare + others + (_SPARED if spared else traded)


def _rare(counts: Array, ratio: float) -> Array:
    """Which classes occur, and are rare."""
    found: Array = (counts > 0) & (counts < counts.max() / ratio)
    return found


def _by_place(visit: Consultation) -> Sign | None:
    """Return the sign of rare places (or times) that are not marked, and that can be found."""
    found = visit.patient.by_place
    if found is None or not visit.patient.finished:
        return None
    weighed = recalls_weighed(found.windows, _rare(found.counts, _RATIO))
    if weighed is None or sum(weighed) <= found.rare + found.others + _GAINED:
        return None
    ratio = float(found.counts.max() / found.counts[found.counts > 0].min())
    measures = (
        Measure("class_ratio", ratio, _RATIO),
        Measure("rare_recall", found.rare, weighed[0], above=False),
    )
    fault = "times" if found.times else "places"
    details = {"fault": fault, "ratio": ratio, "recall": found.rare, "reached": weighed[0]}
    return Sign(measures, None, 0, "warn", certain=True, details=details)


def _turned(visit: Consultation, counts: Array) -> tuple[float, float] | None:
    """Return the weight of the rarest class in the loss and that of the largest, if that is clearly more."""
    loss = visit.patient.loss
    weights = () if loss is None else loss.class_weights
    if len(weights) != len(counts):
        return None
    rarest = int(np.where(counts > 0, counts, counts.max()).argmin())
    weight, largest = weights[rarest], weights[int(counts.argmax())]
    return (weight, largest) if weight < _LESS * largest else None
