"""Beaten: whether simple learners that see a part of what a model is given do clearly better than it.

Of a model that takes words, or several inputs, only its first input is kept. What learners miss by that
speaks for the model; so where they are better all the same, the run does worse than it should.
"""

from __future__ import annotations

from math import isfinite

import numpy as np
import torch

from koubai.core.params import Array
from koubai.doctor.patient.run_facts import DataFacts
from koubai.doctor.visit.consultation import FAR, Consultation
from koubai.doctor.visit.reference import reach
from koubai.doctor.watch.seen.data import as_targets, flat
from koubai.doctor.watch.seen.seen import Seen

_ROWS = 1500
_FEWEST = 100
_COLUMNS = 1000  # of numbers a sample that learners are given
_WORDS = 500


def beaten(seen: Seen, visit: Consultation) -> tuple[float, float] | None:
    """Return the skill of the model and of the best simple learner, where that is clearly better."""
    samples, look = seen.trained.samples(_ROWS), visit.patient.last
    if visit.comparable or samples is None or look is None or not visit.skill_known:
        return None
    t = as_targets(samples[1], seen.loss.by_index)
    x = _numbers(samples[0])
    same = t is not None and look.targets is not None and t.dtype.kind == look.targets.dtype.kind
    if t is None or x is None or not same or len(x) < _FEWEST or not isfinite(visit.skill):
        return None
    counts = np.bincount(t) if t.dtype.kind == "i" and t.min() >= 0 else None
    if (t.dtype.kind == "i") != (counts is not None):
        return None
    classes = None if counts is None else len(counts)
    reached = reach(DataFacts(x=x, t=t, classes=classes, class_counts=counts))
    if reached is None:
        return None
    gain, missing = reached.best - reached.chance, reached.best - visit.skill
    if gain > 3 * visit.noise and missing > max(FAR * gain, 3 * visit.noise):
        return visit.skill, reached.best
    return None


def _numbers(x: torch.Tensor) -> Array | None:
    """Return inputs as rows of numbers: words by how often they occur, and which one stands at each place."""
    if x.is_floating_point():
        return flat(x) if x[0].numel() <= _COLUMNS else None
    if x.ndim == 1:
        x = x[:, None]
    if x.ndim != 2 or int(x.min()) < 0 or int(x.max()) >= _WORDS:
        return None
    words = torch.nn.functional.one_hot(x.long())
    places = words.flatten(1)
    parts = [words.sum(1), *([places] if places.shape[1] <= _COLUMNS else [])]
    found: Array = torch.cat(parts, 1).numpy().astype(np.float32)
    return found
