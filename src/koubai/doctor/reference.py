"""What could be reached on this data: simple learners with nothing to tune, as a yardstick.

A run is sick only if it does worse than it should. What it should do is estimated without its network: by
nearest neighbours, a linear model and a forest of random trees on at most 2000 samples, judged on held-out
samples (else by cross-validation). The best of the three is a modest goal; a network that trains reaches it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from koubai.core.params import Array
from koubai.doctor.patient import DataFacts
from koubai.doctor.skill import skill

_FEW = 40  # below this, nothing can be held out: the question is only whether the samples can be told apart


@dataclass(frozen=True)
class Reach:
    """Skill within reach: of the best simple learner, and of the linear one; and the skill of no learning."""

    best: float
    linear: float
    chance: float


def reach(data: DataFacts) -> Reach | None:
    """Return what simple learners reach, or None if no samples were seen."""
    if data.x is None or data.t is None or len(data.x) < 2:
        return None
    key = (len(data.x), float(np.abs(data.x).sum()), float(np.abs(data.t).sum()), data.classes)
    if key not in _known:
        _known[key] = _measure(data, data.x, data.t)
    return _known[key]


_known: dict[tuple[Any, ...], Reach] = {}  # forks and checkpoints of a run share their data


def _measure(data: DataFacts, x: Array, t: Array) -> Reach:
    chance = chance_of(data)
    if len(x) < _FEW:
        return Reach(_separable(x, t, chance), chance, chance)
    x = np.nan_to_num(x.reshape(len(x), -1).astype(np.float64))
    held = data.x_held is not None and data.t_held is not None and len(data.x_held) >= _FEW
    if held:
        x_held = np.nan_to_num(np.asarray(data.x_held, dtype=np.float64).reshape(len(data.x_held), -1))  # type: ignore[arg-type]  # held says it is there
        parts = [((x, t), (x_held, np.asarray(data.t_held)))]
    else:
        half = np.arange(len(x)) % 2 == 0
        first, second = (x[half], t[half]), (x[~half], t[~half])
        parts = [(first, second), (second, first)]
    classes = data.classes is not None
    scores = {
        name: float(np.mean([_score(make(classes), classes, *part) for part in parts]))
        for name, make in _LEARNERS
    }
    return Reach(max(chance, *scores.values()), max(chance, scores["linear"]), chance)


def _score(learner: Any, classes: bool, seen: tuple[Array, Array], held: tuple[Array, Array]) -> float:
    (x, t), (x_held, t_held) = seen, held
    if classes and len(np.unique(t)) < 2:
        return float((t_held == t[0]).mean())
    answer = learner.fit(x, t).predict(x_held)
    return float((answer == t_held).mean()) if classes else skill(answer, t_held.astype(np.float64))


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

    kind = ExtraTreesClassifier if classes else ExtraTreesRegressor
    return kind(60, min_samples_leaf=2, random_state=0)


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
