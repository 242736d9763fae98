"""Label noise.

What it is: a share of the training labels is wrong, spread over all samples.
Why it hurts: a large network learns the wrong labels by heart, and answers them.
How it shows: even among the half of the samples whose neighbours agree most, more than a tenth have
    another label than their neighbours.
Confused with: classes that overlap (there, neighbours disagree too), over-fitting to right labels.
Sick recipe: MNIST with 40 % random labels.
Healthy look-alike: blobs that overlap.
Remedies: correct or drop the suspicious samples; early stopping; dropout; label smoothing.
References: Zhang et al. 2017; Northcutt, Jiang, Chuang 2021, 'Confident learning'.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np

from koubai.core.params import Array
from koubai.doctor.clinic import Trial
from koubai.doctor.consultation import Consultation
from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.finding import Measure

_WRONG = 0.1
_BY_HEART = 0.1
_NEIGHBORS = 15
_ENOUGH = 200


@DIAGNOSES.register
@dataclass(frozen=True)
class LabelNoise(Diagnosis):
    """Labels that contradict neighbours who agree with each other."""

    code = "K020"
    aliases = ("noisy labels", "mislabeled data", "ラベルノイズ", "誤ったラベル")
    depth = 0
    explains = ("over_fitting", "under_fitting", "too_few_steps", "oscillation")
    remedies = ("stop_early", "add_dropout", "add_weight_decay")

    def sign(self, visit: Consultation) -> Sign | None:
        """Disagreement among the samples in the purest half of the neighbourhoods."""
        data = visit.patient.data
        if data.classes is None or data.x is None or data.t is None or len(data.x) < _ENOUGH:
            return None
        wrong = disagreement(data.x, data.t)
        if wrong <= _WRONG:
            return None
        return Sign((Measure("label_disagreement", wrong, _WRONG),), None, 0, details={"share": wrong})

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Learned by heart: training samples answered much better than held-out ones.

        Where none are held out, much better than simple learners answer samples they have not seen. A run
        that has learned little does not suffer from labels yet.
        """
        if not isfinite(visit.held_skill):
            return visit.patient.finished and visit.skill - visit.goal > _BY_HEART
        by_heart = visit.skill - visit.held_skill > _BY_HEART
        return by_heart and (visit.held_shortfall > 0.1 or visit.patient.finished)

    def treat(self, visit: Consultation, sign: Sign) -> list[tuple[str, Trial | None]]:
        """Nothing that a fork could show on the training samples."""
        return []


def disagreement(x: Array, t: Array) -> float:
    """Return the share of labels unlike their neighbours', in the half where neighbours agree most."""
    from sklearn.neighbors import NearestNeighbors

    flat = np.nan_to_num(x.reshape(len(x), -1).astype(np.float64))
    scale = flat.std(axis=0)
    flat = flat / np.where(scale > 0, scale.mean() if flat.shape[1] > 16 else scale, 1.0)
    near = NearestNeighbors(n_neighbors=_NEIGHBORS + 1).fit(flat).kneighbors(flat, return_distance=False)
    votes = np.stack([(t[near[:, 1:]] == label).sum(axis=1) for label in range(int(t.max()) + 1)], axis=1)
    agree = votes.max(axis=1)
    pure = np.argsort(-agree, kind="stable")[: len(t) // 2]
    return float((votes.argmax(axis=1)[pure] != t[pure]).mean())
