"""Two published rule sets, written again from their descriptions, judged on the same runs.

- AUTOTRAINER (Zhang, Zhai, Fang, Liu, Sun, Hou 2021, "AUTOTRAINER: An automatic DNN training problem
  detection and repair system", ICSE), with its published defaults.
- Debugger: the built-in rules of Amazon SageMaker Debugger with the documented defaults, as far as what
  they read is recorded: VanishingGradient, ExplodingTensor, DeadRelu, SaturatedActivation,
  PoorWeightInitialization, WeightUpdateRatio, LossNotDecreasing, Overfit, ClassImbalance.

Both give names of ours, so that they can be scored alike. What the first looked at (one batch an epoch) and
the second saved (a step in 500, by default) differs from what is read here; where it does, they are favored.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from koubai.doctor.patient.patient import Patient

_BETA_1, _BETA_2, _BETA_3 = 1e-3, 1e-4, 70.0  # AUTOTRAINER: vanishing ratio, its first norm, exploding ratio
_GAMMA, _ZETA, _ETA, _DELTA, _THETA = 0.7, 0.03, 0.2, 0.01, 0.7


def autotrainer(patient: Patient) -> list[str]:
    """Gradient rules only where the accuracy is below .7 (or does not move), oscillation only above."""
    history = patient.history
    train, held = history.series("train_accuracy")[1], history.series(f"{patient.held}_accuracy")[1]
    losses = [history.series(name)[1] for name in ("loss", "train_loss", f"{patient.held}_loss")]
    if any(len(values) and not np.isfinite(values).all() for values in losses):
        return ["exploding_gradient", "not_finite"]
    if not len(train) or not len(held):
        return []
    slow = _largest_rise(train) < _DELTA and _largest_rise(held) < _DELTA
    if slow or min(train.max(), held.max()) < _THETA:
        return _gradient_rules(patient) or (["learning_rate_too_low", "too_few_steps"] if slow else [])
    swings = int((np.abs(np.diff(train)) >= _ZETA).sum()) // 2
    return ["oscillation"] if swings >= _ETA * len(train) else []


def _gradient_rules(patient: Patient) -> list[str]:
    """Share of zeros in the gradients, then the ratio of first and last layer."""
    look = patient.last
    params = look.params if look is not None else {}
    weights = [params[layer.params[0]] for layer in patient.weighted if layer.params[0] in params]
    if not weights:
        return []
    zeros = sum(w.gradient_zero_share * w.size for w in weights) / sum(w.size for w in weights)
    first, last = weights[0].gradient_norm, weights[-1].gradient_norm
    ratio = first / last if last else float("nan")
    rules = {
        "dead_units": zeros >= _GAMMA,
        "exploding_gradient": ratio > _BETA_3,
        "vanishing_gradient": ratio < _BETA_1 and first < _BETA_2,
    }
    return [name for name, there in rules.items() if there][:1]


def _largest_rise(values: np.ndarray) -> float:
    return float(np.diff(values).max(initial=0.0))


def debugger(patient: Patient) -> list[str]:
    """Each rule by itself, in the order of the documentation."""
    rules: tuple[tuple[str, Callable[[Patient], bool]], ...] = (
        ("dead_units", _dead_relu),
        ("exploding_gradient", _exploding_tensor),
        ("init_too_small", _poor_weights),
        ("saturated_units", _saturated),
        ("vanishing_gradient", _vanishing),
        ("learning_rate_too_high", lambda p: _update_ratio(p) > 10.0),
        ("learning_rate_too_low", lambda p: _update_ratio(p) < 1e-8),
        ("class_imbalance", _imbalance),
        ("not_learning", _not_decreasing),
        ("over_fitting", _overfit),
    )
    return [name for name, rule in rules if rule(patient)]


def _dead_relu(patient: Patient) -> bool:
    """More than half of a layer's ReLUs active for less than 1 % of the inputs."""
    look = patient.last
    return look is not None and any(
        (look.layers[layer.path].active < 0.01).mean() > 0.5
        for layer in patient.layers
        if layer.kind == "relu" and layer.path in look.layers
    )


def _exploding_tensor(patient: Patient) -> bool:
    """Any value not finite."""
    looks = [check for look in patient.checkups for check in look.layers.values()]
    return not np.isfinite(patient.losses).all() or any(check.nonfinite for check in looks)


def _poor_weights(patient: Patient) -> bool:
    """Variances of the weights of two layers differ more than tenfold, in the first steps."""
    look = patient.first
    if look is None:
        return False
    spread = [
        look.params[layer.params[0]].std ** 2 for layer in patient.weighted if layer.params[0] in look.params
    ]
    return len(spread) > 1 and (min(spread) == 0 or max(spread) / min(spread) > 10.0)


def _saturated(patient: Patient) -> bool:
    """More than half of a layer's sigmoids or tanhs where the derivative is below 1e-7 of its maximum."""
    look = patient.last
    checks = [
        look.layers[layer.path].slope
        for layer in patient.layers
        if look is not None and layer.kind in ("sigmoid", "tanh") and layer.path in look.layers
    ]
    return any(slope is not None and float((slope < 1e-7).mean()) > 0.5 for slope in checks)


def _vanishing(patient: Patient) -> bool:
    """Mean absolute gradient of a weight below 1e-7."""
    history = patient.history
    means = [history.series("gradient_mean_abs", layer.params[0])[1] for layer in patient.weighted]
    return any(len(values) and float(values.min()) < 1e-7 for values in means)


def _update_ratio(patient: Patient) -> float:
    ratios = [patient.history.series("update_ratio", layer.params[0])[1] for layer in patient.weighted]
    finite = [values[np.isfinite(values)] for values in ratios]
    return max((float(values.max()) for values in finite if len(values)), default=1e-3)


def _imbalance(patient: Patient) -> bool:
    """Counts more than 10 : 1."""
    counts = patient.data.class_counts
    return counts is not None and bool(counts.max() > 10 * max(counts.min(), 1))


def _not_decreasing(patient: Patient) -> bool:
    """A loss that did not fall by any amount over ten evaluated steps."""
    losses = patient.losses
    if len(losses) < 20 or not np.isfinite(losses).all():
        return False
    means = np.array([part.mean() for part in np.array_split(losses, 10)])
    return bool((np.diff(means) >= 0).any())


def _overfit(patient: Patient) -> bool:
    """Validation loss more than a tenth above the training loss."""
    train, held = patient.score("train_loss"), patient.score(f"{patient.held}_loss")
    return train is not None and held is not None and held - train > 0.1 * max(train, 1e-12)
