"""Questions on over-fitting and what is done against it: lessons 8 and 9."""

from __future__ import annotations

import numpy as np

from koubai.core.layer import wire
from koubai.layers.dropout import Dropout
from koubai.penalties.p_norm import L1, L2
from koubai.report.numbers import number, percent
from koubai.study.quiz.asked import Asked, question


@question("l1_regularization", "l2_regularization")
def penalty_gradient(random: np.random.Generator) -> Asked:
    """The gradient that L1 or L2 adds to one weight."""
    strength, w = float(random.choice([0.1, 0.2, 0.5])), float(random.choice([-3.0, -2.0, 2.0, 4.0]))
    l1 = float(L1(strength).gradient(np.array([w]))[0])
    l2 = float(L2(strength).gradient(np.array([w]))[0])
    right = str(random.choice(["l1", "l2"]))
    return Asked(
        "penalty_gradient",
        {
            "l1": number(l1),
            "l2": number(l2),
            "norm": number(strength * w / (2 * abs(w))),
            "square": number(strength * w**2),
        },
        right,
        "L1: lambda sign(w);  L2: lambda w",
        "koubai.penalties.p_norm:L2.gradient",
        {"strength": strength, "w": f"{w:g}", "which": right.upper()},
    )


@question("l1_regularization", "norm")
def diamond(random: np.random.Generator) -> Asked:
    """Which penalty has a diamond as its level set: told by the values at a corner and at a side."""
    corner, side = np.array([1.0, 0.0]), np.array([0.5, 0.5])
    on_diamond = {
        name: abs(penalty.value(corner) - penalty.value(side)) < 1e-12
        for name, penalty in (("l1", L1(1.0)), ("l2", L2(1.0)))
    }
    right = next(name for name, same in on_diamond.items() if same)
    return Asked(
        "diamond",
        dict.fromkeys(("l1", "l2", "both", "dropout")),
        right,
        "|w1| + |w2| = c",
        "koubai.penalties.p_norm:L1.value",
    )


@question("ridge_regression")
def ridge(random: np.random.Generator) -> Asked:
    """What ridge regression does as its strength grows; solved exactly on a small problem."""
    x = random.standard_normal((40, 3))
    t = x @ np.array([2.0, -1.0, 0.5]) + 3
    weights, bias = _ridge(x, t, 1e6)
    assert np.abs(weights).max() < 1e-3 < abs(bias)
    return Asked(
        "ridge",
        dict.fromkeys(("right", "nonlinear", "bias", "hidden")),
        "right",
        "E(w) + (lambda / 2) sum w^2",
        "koubai.penalties.p_norm:L2.value",
    )


def _ridge(x: np.ndarray, t: np.ndarray, strength: float) -> tuple[np.ndarray, float]:
    """Return the weights and the bias, which is not penalized, that make the penalized error least."""
    mean_x, mean_t = x.mean(axis=0), t.mean()
    centered = x - mean_x
    w = np.linalg.solve(centered.T @ centered + strength * np.eye(x.shape[1]), centered.T @ (t - mean_t))
    return w, float(mean_t - mean_x @ w)


@question("dropout")
def dropout_scale(random: np.random.Generator) -> Asked:
    """What a unit that is kept becomes while training."""
    ratio = float(random.choice([0.2, 0.5, 0.75]))
    value = float(random.integers(2, 9))
    cell = wire(Dropout(ratio), "quiz", (64,))
    cell.training, cell.step = True, 1
    kept = float(cell.forward(np.full((8, 64), value)).max())
    return Asked(
        "dropout_scale",
        {
            "right": number(kept),
            "same": number(value),
            "smaller": number(value * (1 - ratio)),
            "ratio": number(value / ratio) if ratio != 0.5 else number(value * 3),
        },
        "right",
        "y = x m / (1 - p)",
        "koubai.layers.dropout:Dropout.forward",
        {"ratio": ratio, "x": number(value)},
    )


@question("over_fitting", "regularization")
def gap(random: np.random.Generator) -> Asked:
    """What two pairs of scores say: the gap shrinks, and so does the test score."""
    test = float(random.integers(74, 79)) / 100
    train_after = float(random.integers(88, 94)) / 100
    test_after = test - float(random.integers(3, 7)) / 100
    assert train_after - test_after < 1 - test
    return Asked(
        "gap",
        dict.fromkeys(("right", "better", "worse_gap", "nothing")),
        "right",
        "gap = train - test",
        "koubai.lab.declare.measures",
        {
            "train": percent(1.0, 0),
            "test": percent(test, 0),
            "train_after": percent(train_after, 0),
            "test_after": percent(test_after, 0),
            "gap": round(100 * (1 - test)),
            "gap_after": round(100 * (train_after - test_after)),
        },
    )
