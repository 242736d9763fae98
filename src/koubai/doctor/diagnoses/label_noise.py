"""Label noise.

What it is: a share of the training labels is wrong, spread over all samples.
Why it hurts: a large network learns the wrong labels by heart, and answers them.
How it shows: even among the 1/{purest} of the samples whose neighbors agree most, more than {wrong:.0%} have
    another label than their neighbors; and these neighbors answer held-out samples as well as the network,
    which answers them clearly worse than those it was trained on. Without held-out samples it is not named.
Confused with: classes that overlap (there, neighbors agree in some places and disagree in others; noise is
    everywhere), over-fitting to right labels, data that neighbors know nothing of (waves of any phase):
    there the network knows more than they do.
Sick recipe: MNIST with 40 % random labels.
Healthy look-alike: blobs that overlap.
Remedies: correct or drop the suspicious samples; early stopping; dropout; label smoothing.
References: Zhang et al. 2017; Northcutt, Jiang, Chuang 2021, 'Confident learning'.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from koubai.core.params import Array
from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.clinic import Trial
from koubai.doctor.patient.run_facts import DataFacts
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure
from koubai.doctor.visit.reference import samples_key

_WRONG = 0.1
_BY_HEART = 0.1
_NEIGHBORS = 15
_ENOUGH = 200
_PUREST = 8
_FEWEST = 60  # samples of whom a tenth can be told from nothing
_SLACK = 0.05


@DIAGNOSES.register
class LabelNoise(Diagnosis):
    """Labels that contradict neighbors who agree with each other."""

    code = "K020"
    aliases = ("noisy labels", "mislabeled data", "ラベルノイズ", "誤ったラベル")
    depth = 0
    points_at = ("loss", "backward", "model")
    explains = ("over_fitting", "under_fitting", "too_few_steps", "oscillation")
    remedies = ("stop_early", "add_dropout", "add_weight_decay")

    def sign(self, visit: Consultation) -> Sign | None:
        """Disagreement among the samples in the purest neighborhoods, where samples were learned by heart."""
        data = visit.patient.data
        if data.classes is None or data.x is None or data.t is None or len(data.x) < _ENOUGH:
            return None
        if not visit.skill - visit.held_skill > _BY_HEART:  # none held out, or nothing to look for
            return None
        key = samples_key(data.x, data.t)
        if key not in _known:
            _known[key] = disagreement(data.x, data.t)
        wrong = _known[key]
        if wrong <= _WRONG:
            return None
        return Sign((Measure("label_disagreement", wrong, _WRONG),), None, 0, details={"share": wrong})

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Learned by heart: training samples answered much better than held-out ones.

        Where none are held out, nobody can tell labels learned by heart from labels understood better than
        simple learners do. A run that has learned little does not suffer from labels yet.
        """
        if not (visit.held_shortfall > 0.1 or visit.patient.finished):
            return False
        return neighbors_skill(visit.patient.data) > visit.held_skill - _SLACK

    def treat(self, visit: Consultation, sign: Sign) -> list[tuple[str, Trial | None]]:
        """Nothing that a fork could show on the training samples."""
        return []


_known: dict[tuple[Any, ...], float] = {}  # every look at a run asks again


def disagreement(x: Array, t: Array) -> float:
    """Return the share of labels unlike their neighbors', in the eighth where neighbors agree most."""
    votes = _votes((x, t), x, itself=True)
    purest = np.argsort(-votes.max(axis=1), kind="stable")[: max(len(t) // _PUREST, _FEWEST)]
    return float((votes.argmax(axis=1)[purest] != t[purest]).mean())


def neighbors_skill(data: DataFacts) -> float:
    """Return how many of the held-out samples a vote of the nearest training samples answers: a share."""
    if data.x is None or data.t is None or data.x_held is None or data.t_held is None or not len(data.x_held):
        return 0.0
    votes = _votes((data.x, data.t), data.x_held, itself=False)
    return float((votes.argmax(axis=1) == data.t_held).mean())


def _votes(known: tuple[Array, Array], asked: Array, *, itself: bool) -> Array:
    """Return how many of the nearest known samples have each label; `itself`: those asked are among them."""
    from sklearn.neighbors import NearestNeighbors

    flat, others = (np.nan_to_num(x.reshape(len(x), -1).astype(np.float64)) for x in (known[0], asked))
    scale = flat.std(axis=0)
    scale = np.where(scale > 0, scale.mean() if flat.shape[1] > 16 else scale, 1.0)
    near = NearestNeighbors(n_neighbors=_NEIGHBORS + itself).fit(flat / scale)
    rows = near.kneighbors(others / scale, return_distance=False)[:, int(itself) :]
    labels = known[1][rows]
    return np.stack([(labels == label).sum(axis=1) for label in range(int(known[1].max()) + 1)], axis=1)
