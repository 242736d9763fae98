"""Questions on steps: rates, optimizers and their formulas. Lessons 1, 6 and 7."""

from __future__ import annotations

import numpy as np

from koubai.lab.perform.plans.descent import Descent
from koubai.lab.perform.plans.surfaces import Parabola, Valley
from koubai.optim.adagrad import AdaGrad
from koubai.optim.adam import Adam
from koubai.optim.momentum import Momentum
from koubai.optim.sgd import SGD
from koubai.report.numbers import number
from koubai.study.quiz.asked import Asked, question


@question("gradient_descent", "learning_rate")
def step_size(random: np.random.Generator) -> Asked:
    """Where one step of gradient descent on a parabola leads."""
    a = int(random.integers(1, 6))
    start = a + int(random.choice([-4, -2, 2, 4]))
    alpha = float(random.choice([0.1, 0.25, 0.75]))
    right = Descent(surface=Parabola(a=a), optimizer=SGD(alpha), start=(float(start),), steps=1).points()[
        1, 0
    ]
    gradient = 2 * (start - a)
    return Asked(
        "step_size",
        {
            "right": number(float(right)),
            "uphill": number(start + alpha * gradient),
            "half": number(start - alpha * gradient / 2),
            "whole": number(float(start - gradient)),
        },
        "right",
        "x <- x - alpha 2 (x - a)",
        "koubai.lab.perform.plans.surfaces:Parabola.gradient",
        {"a": a, "start": start, "alpha": alpha},
    )


@question("convergence", "learning_rate")
def convergence(random: np.random.Generator) -> Asked:
    """What a rate does on the parabola: every outcome has its rate."""
    outcomes = {"slowly": 0.2, "once": 0.5, "swinging": 0.8, "for_ever": 1.0, "away": 1.1}
    right = str(random.choice(list(outcomes)))
    path = Descent(surface=Parabola(), optimizer=SGD(outcomes[right]), start=(1.0,), steps=12).points()[:, 0]
    assert _outcome(path) == right
    return Asked(
        "convergence",
        dict.fromkeys(outcomes),
        right,
        "x_t - a = (1 - 2 alpha)^t (x_0 - a)",
        "koubai.lab.perform.plans.descent:Descent.points",
        {"alpha": outcomes[right], "factor": number(1 - 2 * outcomes[right])},
    )


def _outcome(path: np.ndarray) -> str:
    """Return what a path of positions around 0 does."""
    if abs(path[1]) < 1e-12:
        return "once"
    swings = path[1] * path[0] < 0
    if abs(abs(path[1]) - abs(path[0])) < 1e-12:
        return "for_ever"
    if abs(path[1]) > abs(path[0]):
        return "away"
    return "swinging" if swings else "slowly"


@question("momentum")
def momentum_step(random: np.random.Generator) -> Asked:
    """The second step of momentum under a constant gradient."""
    alpha, mu, gradient = 0.1, float(random.choice([0.5, 0.8, 0.9])), float(random.integers(1, 5))
    w, slots = np.zeros(1), {"v": np.zeros(1)}
    for t in (1, 2):
        before = w.copy()
        Momentum(alpha, mu).update(w, np.array([gradient]), slots, alpha, t)
    plain = alpha * gradient
    return Asked(
        "momentum_step",
        {
            "right": number(float((before - w)[0])),
            "plain": number(plain),
            "less": number(plain * mu),
            "double": number(plain * 2),
        },
        "right",
        "v <- mu v - alpha g;  w <- w + v",
        "koubai.optim.momentum:Momentum.update",
        {"alpha": alpha, "mu": mu, "g": number(gradient)},
    )


@question("adagrad")
def adagrad_step(random: np.random.Generator) -> Asked:
    """The size of AdaGrad's t-th step under a constant gradient: alpha / sqrt(t)."""
    alpha, t = 0.1, int(random.choice([4, 9, 16, 25]))
    gradient = float(random.integers(2, 6))
    w, slots = np.zeros(1), {"h": np.zeros(1)}
    for step in range(1, t + 1):
        before = w.copy()
        AdaGrad(alpha).update(w, np.array([gradient]), slots, alpha, step)
    return Asked(
        "adagrad_step",
        {
            "right": number(float((before - w)[0])),
            "same": number(alpha),
            "linear": number(alpha / t),
            "gradient": number(alpha * gradient),
        },
        "right",
        "h <- h + g^2;  w <- w - alpha g / sqrt(h)",
        "koubai.optim.adagrad:AdaGrad.update",
        {"alpha": alpha, "t": t, "g": number(gradient)},
    )


@question("adam", "bias_correction")
def adam_first_step(random: np.random.Generator) -> Asked:
    """The size of Adam's first step, whatever the gradient."""
    alpha, gradient = float(random.choice([0.001, 0.01])), float(random.choice([0.05, 3.0, 40.0]))
    w, optimizer = np.zeros(1), Adam(alpha)
    optimizer.update(w, np.array([gradient]), {name: np.zeros(1) for name in optimizer.slots}, alpha, 1)
    return Asked(
        "adam_first_step",
        {
            "right": number(float(abs(w[0]))),
            "gradient": number(alpha * gradient),
            "uncorrected": number(alpha * 0.1 / np.sqrt(0.001)),
            "tenth": number(alpha * 0.1),
        },
        "right",
        "m_hat = m / (1 - b1^t),  v_hat = v / (1 - b2^t);  w <- w - alpha m_hat / (sqrt(v_hat) + delta)",
        "koubai.optim.adam:Adam.update",
        {"alpha": alpha, "g": number(gradient)},
    )


@question("optimizer")
def valley(random: np.random.Generator) -> Asked:
    """Which optimizer crosses the course's valley most often in 30 steps."""
    choices = {"sgd": SGD(0.95), "momentum": Momentum(0.1), "adagrad": AdaGrad(1.5), "adam": Adam(0.3)}
    crossings = {}
    for name, optimizer in choices.items():
        y = Descent(surface=Valley(), optimizer=optimizer, start=(-7.0, 2.0), steps=30).points()[:, 1]
        crossings[name] = int((np.sign(y[1:]) * np.sign(y[:-1]) < 0).sum())
    right = max(crossings, key=lambda name: crossings[name])
    labels = {name: type(optimizer).__name__ for name, optimizer in choices.items()}
    return Asked(
        "valley",
        labels,
        right,
        "f = x^2 / 20 + y^2",
        "koubai.lab.perform.plans.surfaces:Valley.gradient",
        crossings,
    )
