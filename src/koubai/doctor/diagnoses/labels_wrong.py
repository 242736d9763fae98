"""Labels wrong.

What it is: the targets have nothing to do with the inputs: rows shifted against each other, a wrong
    column, masks that were not flipped with their pictures, or one and the same class everywhere.
Why it hurts: there is nothing to learn; a large network learns the training samples by heart.
How it shows: a loss of pairs pulls those together whose inputs differ more, and pushes those apart that are
    more alike; or of pictures and targets of their size {apart:.0%} or more fit clearly better mirrored or
    turned, not all the same way; or on held-out samples the network is no better than chance, and neither are
    nearest neighbors, a linear model or a forest; inputs of zeros do as well. Or all labels are the same.
Confused with: over-fitting (there the first steps help on held-out samples), not learning.
Sick recipe: MNIST with shuffled labels; labels divided by 255 together with the pixels, so that all are 0.
Healthy look-alike: hard data on which the network beats the simple learners.
Remedies: look at twenty samples with their labels; check how inputs and targets are paired and sorted.
References: Zhang et al. 2017, 'Understanding deep learning requires rethinking generalization'.
"""

from __future__ import annotations

from dataclasses import replace
from math import isfinite

import numpy as np

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.clinic import Change, Trial
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure
from koubai.doctor.visit.reference import reach

_ENOUGH = 200
_BY_CHANCE = 4  # standard errors
_TELLS = 0.25
_APART = 0.25  # of the samples that tell anything
_PLAIN = 3.0  # margins above chance: no doubt that these samples can be learned


@DIAGNOSES.register
class LabelsWrong(Diagnosis):
    """Neither the network nor any simple learner is better than chance on held-out samples."""

    code = "K019"
    aliases = (
        "wrong labels",
        "shuffled labels",
        "label mismatch",
        "one class only",
        "constant labels",
        "ラベルの誤り",
        "ラベルのずれ",
        "ラベルが1種類",
    )
    depth = 0
    is_harm = True  # chance is harm
    points_at = ("loss", "backward", "model")
    explains = ("over_fitting", "not_learning", "label_noise", "under_fitting")
    remedies = ()

    def sign(self, visit: Consultation) -> Sign | None:
        """One class only; or enough samples, and chance on all sides."""
        data = visit.patient.data
        if (found := _swapped(visit) or _apart(visit) or _one_class(visit)) is not None:
            return found
        held = visit.patient.held_skill  # that of outputs that are not finite says nothing of the labels
        enough = data.x is not None and len(data.x) >= _ENOUGH and visit.patient.finished
        if not enough or _is_plain(visit) or visit.reach is None:
            return None
        margin = _BY_CHANCE * visit.noise + 0.02
        reachable = max(visit.goal, visit.reach.held if isfinite(visit.reach.held) else visit.goal)
        if margin > _TELLS * (1 - visit.chance):  # rare classes: accuracy cannot tell
            return None
        if visit.goal - visit.chance <= margin / 2 and (found := _out_of_step(visit, margin)) is not None:
            return found
        if reachable - visit.chance > margin or not isfinite(held) or held - visit.chance > margin:
            return None
        measures = (
            Measure("reachable_gain", reachable - visit.chance, margin, above=False),
            Measure("held_gain", held - visit.chance, margin, above=False),
        )
        return Sign(measures, None, 0, "severe", certain=True)

    def treat(self, visit: Consultation, sign: Sign) -> list[tuple[str, Trial | None]]:
        """Inputs of zeros: as good as the real ones."""
        return [] if sign.by_hand else [("zero_inputs", visit.trial(Change("zero_inputs")))]


def _swapped(visit: Consultation) -> Sign | None:
    """Return the sign of pairs whose labels mean the opposite."""
    if not visit.patient.aims.swapped:
        return None
    return Sign((), None, 1, "warn", certain=True, by_hand=True, details={"fault": "swapped"})


def _apart(visit: Consultation) -> Sign | None:
    """Return the sign of pictures and targets that were mirrored or turned each by itself."""
    turned = visit.patient.turned
    if turned is None or turned.share < _APART:
        return None
    measure = Measure("fit_turned", turned.share, _APART)
    details = {"fault": "apart", "share": turned.share, "samples": turned.samples}
    return Sign((measure,), None, 1, "warn", certain=True, by_hand=True, details=details)


def _is_plain(visit: Consultation) -> bool:
    """Whether nothing speaks against the labels, so that no simple learner need be asked.

    Who answers the pairs that were trained on, and held-out ones, has learned from right pairs; where there
    are no held-out ones, nothing can be told.
    """
    held = visit.patient.held_skill
    if isfinite(held):
        return min(held, visit.skill) - visit.chance > _BY_CHANCE * visit.most_noise + 0.02
    return visit.patient.data.x_held is None


def _one_class(visit: Consultation) -> Sign | None:
    """Return the sign of labels that are all the same.

    One answer of two may be meant: a network that competes is told 'real' all the time. So may one place
    among outputs that are compared with one another: contrastive learning puts the right one first.
    """
    loss, counts = visit.patient.loss, visit.patient.data.class_counts
    if loss is not None and not loss.of_outputs:
        return None
    found = loss.only_label if loss is not None and visit.patient.loss_speaks else None
    if counts is not None and len(counts) != 2 and np.count_nonzero(counts) == 1:
        found = found or (int(counts.argmax()), int(counts.sum()))
    if found is None or found[1] < _ENOUGH:
        return None
    details = {"fault": "one_class", "label": found[0], "count": found[1]}
    one = Measure("classes_seen", 1.0, 2.0, above=False)
    return Sign((one,), None, 0, "severe", certain=True, measured=True, by_hand=True, details=details)


def _out_of_step(visit: Consultation, margin: float) -> Sign | None:
    """Return the sign of training labels that nobody can learn beside held-out ones that can be learned.

    Asked of simple learners that see the held-out samples alone: the task is fit to be learned, and the pairs
    that were trained on do not show it.
    """
    data = visit.patient.data
    if data.x_held is None or data.t_held is None or len(data.x_held) < _ENOUGH:
        return None
    there = reach(replace(data, x=data.x_held, t=data.t_held, x_held=None, t_held=None))
    if there is None or there.best - visit.chance < max(_PLAIN * margin, 0.5 * (1 - visit.chance)):
        return None
    measures = (
        Measure("reachable_gain", visit.goal - visit.chance, margin, above=False),
        Measure("held_reachable_gain", there.best - visit.chance, _PLAIN * margin),
    )
    return Sign(measures, None, 0, certain=True, by_hand=True, details={"fault": "out_of_step"})
