"""What could be reached on this data: simple learners with nothing to tune, as a yardstick.

A run is sick only if it does worse than it should. What it should do is estimated without its network: by
nearest neighbors, a linear model and a forest of random trees on at most 2000 samples, by cross-validation
on the very samples on which the run is judged. The best of the three is a modest goal; a network that
trains reaches it.

Where the inputs answer themselves (an autoencoder), copying is no yardstick: the network is narrow on
purpose. There the goal is what two numbers per sample keep of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from koubai.core.params import Array
from koubai.doctor.patient.run_facts import DataFacts
from koubai.doctor.patient.skill import skill

_FOLDS = 3
_COPIED = 0.5  # of the targets' spread that the inputs themselves explain
_FEATURES = 64  # of which a tree for values draws each cut: of all pixels it would take longer than the run
_FEW = 40  # below this, nothing can be held out: the question is only whether the samples can be told apart


@dataclass(frozen=True)
class Reach:
    """What the best simple learner reaches.

    | field  | skill                                                                                      |
    |--------|--------------------------------------------------------------------------------------------|
    | best   | on the training samples, each answered by learners that had not seen it                    |
    | linear | the same of the linear learner alone                                                       |
    | held   | on the held-out samples; NaN where there are none                                          |
    | chance | of no learning                                                                             |
    """

    best: float
    linear: float
    held: float
    chance: float


def reach(data: DataFacts) -> Reach | None:
    """Return what simple learners reach, or None if no samples were seen whose targets are numbers."""
    if data.x is None or data.t is None or not can_be_learned_from(data):
        return None
    key = samples_key(data.x, data.t, data.classes)
    if key not in _known:
        _known[key] = _measure(data, _rows(data.x), np.asarray(data.t))
    return _known[key]


def can_be_learned_from(data: DataFacts) -> bool:
    """Whether samples were seen whose targets are numbers."""
    return data.x is not None and data.t is not None and len(data.x) > 1 and bool(np.isfinite(data.t).all())


_known: dict[tuple[Any, ...], Reach] = {}  # forks and checkpoints of a run share their data


def samples_key(x: Array, t: Array, *more: Any) -> tuple[Any, ...]:
    """Return what tells samples from others in a memory of answers about them.

    Their bytes, in order: shifted labels have the same sum as the right ones.
    """
    digest = hashlib.sha256(np.ascontiguousarray(x).data)
    digest.update(np.ascontiguousarray(t).data)
    return (x.shape, digest.digest(), *more)


def _measure(data: DataFacts, x: Array, t: Array) -> Reach:
    chance = chance_of(data)
    if _is_copy(x, t):
        kept = _kept_by_two(t)
        return Reach(kept, kept, float("nan"), chance)
    if len(x) < _FEW:
        return Reach(_separable(x, t, chance), chance, float("nan"), chance)
    classes = data.classes is not None
    folds = np.arange(len(x)) % _FOLDS
    best = {}
    for name, make in _LEARNERS:
        answers: Array = np.zeros(t.shape, dtype=np.float64)
        for fold in range(_FOLDS):
            seen = folds != fold
            answers[~seen] = _answers(make, classes, (x[seen], t[seen]), x[~seen])
        best[name] = _judge(answers, t, classes)
    held = float("nan")
    if (held_out := _held_out(data)) is not None:
        x_held, t_held = held_out
        held = max(
            chance,
            *(_judge(_answers(make, classes, (x, t), x_held), t_held, classes) for _, make in _LEARNERS),
        )
    return Reach(max(chance, *best.values()), max(chance, best["linear"]), held, chance)


def _held_out(data: DataFacts) -> tuple[Array, Array] | None:
    """The held-out samples, as rows, and their targets; None where there are few."""
    if data.x_held is None or data.t_held is None or len(data.x_held) < _FEW:
        return None
    return _rows(data.x_held), np.asarray(data.t_held)


def _rows(x: Array) -> Array:
    wide = np.asarray(x, dtype=np.float64).reshape(len(x), -1)
    return np.where(np.isfinite(wide), wide, 0.0)


def _is_copy(x: Array, t: Array) -> bool:
    """Whether the targets are the inputs, or the inputs are the targets with some noise."""
    return t.ndim == 2 and t.shape == x.shape and t.shape[1] > 1 and skill(x, t) > _COPIED


def _kept_by_two(t: Array) -> float:
    """Return the skill of the best linear map through two numbers per sample (principal components)."""
    centered = t.astype(np.float64) - t.mean(axis=0)
    strengths = np.linalg.svd(centered, compute_uv=False) ** 2
    total = float(strengths.sum())
    return float(strengths[:2].sum()) / total if total else 0.0


def recalls_weighed(data: DataFacts, rare: Array) -> tuple[float, float] | None:
    """Return the recall of the rare classes and that of the others by a simple learner that weighs classes.

    `rare` says of each class whether it is. The better of two learners counts, on held-out samples where
    there are any, else by cross-validation; None where no samples were seen.
    """
    if data.x is None or data.t is None or len(data.x) < _FEW or data.classes is None:
        return None
    held = _held_out(data)
    key = samples_key(data.x, data.t, None if held is None else samples_key(*held))
    if key not in _known_weighed:
        _known_weighed[key] = _weighed(_rows(data.x), np.asarray(data.t), held)
    asked, answers = _known_weighed[key]
    of_rare = np.isin(asked, np.flatnonzero(rare))
    if not of_rare.any() or of_rare.all():
        return None
    rights = [said == asked for said in answers]
    return max(((float(right[of_rare].mean()), float(right[~of_rare].mean())) for right in rights), key=sum)


_known_weighed: dict[tuple[Any, ...], tuple[Array, list[Array]]] = {}


def _weighed(x: Array, t: Array, held: tuple[Array, Array] | None) -> tuple[Array, list[Array]]:
    """Return the labels of samples, and what each learner that weighs classes and had not seen them says."""
    if held is not None:
        parts = [(x, t, *held)]
    else:
        folds = np.arange(len(x)) % _FOLDS
        parts = [(x[folds != f], t[folds != f], x[folds == f], t[folds == f]) for f in range(_FOLDS)]
    learners = (_weighed_linear, _weighed_forest)
    said = [[_answers(make, True, part[:2], part[2]) for part in parts] for make in learners]
    return np.concatenate([part[3] for part in parts]), [np.concatenate(each) for each in said]


def _answers(make: Callable[[bool], Any], classes: bool, seen: tuple[Array, Array], x: Array) -> Array:
    """What a learner that saw `seen` says of x, in the shape of targets."""
    x_seen, t_seen = seen
    if classes and len(np.unique(t_seen)) < 2:
        return np.full(len(x), t_seen[0])
    narrow = t_seen.ndim > 1 and t_seen.shape[1] == 1
    answers = np.asarray(make(classes).fit(x_seen, t_seen[:, 0] if narrow else t_seen).predict(x))
    return answers[:, None] if narrow else answers


def _judge(answers: Array, t: Array, classes: bool) -> float:
    return float((answers == t).mean()) if classes else skill(answers, t.astype(np.float64))


def _neighbors(classes: bool) -> Any:
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    learner = KNeighborsClassifier(7) if classes else KNeighborsRegressor(7)
    return make_pipeline(StandardScaler(), learner)


def _linear(classes: bool) -> Any:
    from sklearn.linear_model import Ridge, RidgeClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), RidgeClassifier(1.0) if classes else Ridge(1.0))


def _forest(classes: bool) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    if classes:
        return ExtraTreesClassifier(30, min_samples_leaf=2, random_state=0)
    return ExtraTreesRegressor(30, min_samples_leaf=2, max_features=_FEATURES, random_state=0)


def _weighed_linear(classes: bool) -> Any:
    from sklearn.linear_model import RidgeClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), RidgeClassifier(1.0, class_weight="balanced"))


def _weighed_forest(classes: bool) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(30, min_samples_leaf=2, class_weight="balanced", random_state=0)


_LEARNERS = (("neighbors", _neighbors), ("linear", _linear), ("forest", _forest))


def chance_of(data: DataFacts) -> float:
    """Return the skill of no learning: the share of the largest class, or 0 for values."""
    counts = data.class_counts
    return 0.0 if counts is None else float(counts.max() / max(counts.sum(), 1))


def _separable(x: Array, t: Array, chance: float) -> float:
    """Skill of remembering every sample: 1 unless equal inputs have different targets."""
    _, group = np.unique(x.reshape(len(x), -1), axis=0, return_inverse=True)
    group = group.reshape(-1)
    if t.dtype.kind in "iub":
        right = sum(np.bincount(t[group == g]).max() for g in np.unique(group))
        return max(chance, right / len(t))
    means = np.stack([t[group == g].mean(axis=0) for g in group])
    return skill(means, t.astype(np.float64))
