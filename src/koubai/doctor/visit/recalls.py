"""Recalls: how well rare classes are recognized, beside the others and beside learners that weigh them."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from koubai.core.params import Array
from koubai.doctor.patient.patient import Patient
from koubai.doctor.patient.skill import answers
from koubai.doctor.visit.reference import recalls_weighed

_FEWEST = 5  # samples of rare classes below which their recall is not known
_MORE = 1.25  # times as often as they occur


@dataclass(frozen=True)
class Recalls:
    """Recall of the rare classes, and of the others.

    `error` is the standard error of their difference, `named` how often a rare class was answered for each
    time that one occurs.
    """

    rare: float
    others: float
    error: float
    named: float


def recalls_of(patient: Patient, rare: Array) -> Recalls | None:
    """Return the recalls on held-out samples, or on those of the last look where few rare ones were held out.

    `rare` says of each class whether it is. None where the outputs are not known.
    """
    look = patient.last
    seen = (look.outputs, look.targets) if look is not None else (None, None)
    for y, t in ((patient.held_outputs, patient.data.t_held), seen):
        if y is None or t is None or t.ndim != 1:
            continue
        of_rare, said = np.isin(t, np.flatnonzero(rare)), answers(y.reshape(len(t), -1), patient.takes)
        if of_rare.sum() >= _FEWEST and (~of_rare).any():
            parts = ((said == t)[of_rare], (said == t)[~of_rare])
            # One right and one wrong answer more (Agresti, Coull 1998): five of five are not certainty.
            shares = [((part.sum() + 1) / (len(part) + 2), len(part)) for part in parts]
            error = sqrt(sum(p * (1 - p) / n for p, n in shares))
            named = float(np.isin(said, np.flatnonzero(rare)).sum() / of_rare.sum())
            return Recalls(float(parts[0].mean()), float(parts[1].mean()), error, named)
    return None


def trades_accuracy(patient: Patient, harmed: float) -> bool:
    """Whether a run names the rarer classes more often than they occur, and does that well.

    A loss with class weights wants it so, and always answering the largest class is more often right. What
    it should reach is then told by simple learners that weigh the classes: it misses less than the share
    `harmed` of what their recalls have above chance.
    """
    counts = patient.data.class_counts
    if counts is None or np.count_nonzero(counts) < 2:
        return False
    rarer = (counts > 0) & (np.arange(len(counts)) != counts.argmax())
    found = recalls_of(patient, rarer)
    if found is None or found.named < _MORE:
        return False
    gained = found.rare + found.others - 1
    if gained <= max(harmed, 3 * found.error):
        return False
    weighed = recalls_weighed(patient.data, rarer)
    return weighed is not None and gained >= sum(weighed) - 1 - max(harmed * (sum(weighed) - 1), found.error)
