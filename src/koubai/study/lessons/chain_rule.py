"""Lesson 2: what a wrong derivative costs, and how it is found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from koubai.core.params import Array
from koubai.initializers.initializer import Initializer
from koubai.initializers.normal import HeNormal, LeCunNormal
from koubai.lab.course.parts import ActivatedSigmoid, CrossedReLU, mlp_of
from koubai.lab.course.settings import COURSE_HIDDEN, source
from koubai.lab.declare.experiment import Arm, Experiment
from koubai.lab.perform.run_result import RunResult
from koubai.layers.activations import Activation, Sigmoid
from koubai.layers.rectifiers import ReLU
from koubai.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from koubai.network.network import Network, Weights
from koubai.optim.sgd import SGD
from koubai.study.lessons.lesson import LESSONS, Frame, Guess, Lesson, Row, Wrong
from koubai.train.recipe import Recipe

STEPS = 500
FUNCTIONS: dict[str, tuple[Activation, Initializer]] = {
    "sigmoid": (Sigmoid(), LeCunNormal()),
    "sigmoid_at_z": (ActivatedSigmoid(), LeCunNormal()),
    "relu": (ReLU(), HeNormal()),
    "relu_crossed": (CrossedReLU(), HeNormal()),
}
_WEIGHTS = 8  # of the first layer that are looked at
_SAMPLES = 20
_STEP = 1e-5
_PATH = "1.weight"
_LOSS = SoftmaxCrossEntropy()
_LAYERS, _PARTS = "koubai.layers", "koubai.lab.course.parts"


@LESSONS.register
class ChainRule(Lesson):
    """A wrong derivative trains all the same, and worse; comparing with central differences finds it.

    Sigmoid's taken at z = f(u) instead of at u (the course's defect D1), and ReLU with sigmoid's (D2).
    """

    number = 2
    guess = Guess("levels", tuple(FUNCTIONS), low=0, high=1, start=0.5, step=0.01, share=True)
    arms = tuple(FUNCTIONS)
    reasons = ("downhill", "corrects", "same", "forward")
    wrongs = (Wrong("cannot", {"relu_crossed": (0, 0.4)}), Wrong("same", {"relu_crossed": (0.94, 1)}))
    usual = "line"
    rows = (
        Row(
            "central",
            "dE/dw = (E(w + h) - E(w - h)) / (2 h)",
            "koubai.study.lessons.chain_rule:central_difference",
            "return (up - down) / (2 * _STEP)",
        ),
        Row(
            "slope",
            "f'(u) = f(u) (1 - f(u))",
            f"{_LAYERS}.activations:Sigmoid.derivative",
            "return y",
            ("sigmoid",),
        ),
        Row(
            "slope",
            "f'(z) = f(z) (1 - f(z))",
            f"{_PARTS}:ActivatedSigmoid.derivative",
            "return again",
            ("sigmoid_at_z",),
        ),
        Row(
            "slope", "f'(u) = 1, u > 0", f"{_LAYERS}.rectifiers:ReLU.derivative", "return (u > 0)", ("relu",)
        ),
        Row(
            "slope", "z (1 - z)", f"{_PARTS}:CrossedReLU.derivative", "return z * (1 - z)", ("relu_crossed",)
        ),
        Row(
            "weights",
            "dE/dW_l = x_l^T delta_l",
            f"{_LAYERS}.linear:Linear.backward",
            "cell.grad(weight=x.T @ dy)",
        ),
    )
    questions = ("hidden_delta_line", "weight_gradient_line", "chain_rule")
    experiment_name = "wrong-derivative"

    def experiment(self, seeds: Sequence[int]) -> Experiment:
        """Two right derivatives and two wrong ones."""
        arms = tuple(
            Arm(name, {"network": mlp_of(COURSE_HIDDEN, 10, function), "initializer": initializer})
            for name, (function, initializer) in FUNCTIONS.items()
        )
        base = Recipe(mlp_of(COURSE_HIDDEN, 10, Sigmoid()), source("digits"), optimizer=SGD(0.1), steps=STEPS)
        return self.experiment_of(base, arms, seeds, taps=1, evaluations=1, evaluate_rows=1)

    def facts(self, runs: Sequence[RunResult]) -> dict[str, float]:
        """Mean accuracies, and how far back-propagation is from central differences, at most."""
        frames = self.trace()
        facts: dict[str, float] = {}
        for arm in self.arms:
            mine = [run.scores["test_accuracy"] for run in runs if run.arm == arm]
            ratios = [frame.places[arm]["ratio"] for frame in frames]
            facts |= {
                f"{arm}_accuracy": float(np.mean(mine)),
                f"{arm}_least": min(ratios),
                f"{arm}_most": max(ratios),
            }
        return facts

    def trace(self) -> list[Frame]:
        """Some weights of the first layer: slope by a central difference, and by back-propagation."""
        places: list[dict[str, dict[str, float]]] = [{} for _ in range(_WEIGHTS)]
        data = source("digits").load(None)
        x, t = np.asarray(data.inputs("test")[:_SAMPLES], np.float64), data.t_test[:_SAMPLES]
        for arm, (function, initializer) in FUNCTIONS.items():
            network = Network(mlp_of(COURSE_HIDDEN, 10, function), data.in_shape, initializer)
            weights = network.initialize(0, "float64")
            root = network.bind(weights.copy())
            root.backward(_LOSS.gradient(root.forward(x), t))
            gradient = next(cell.grads["weight"] for cell in root.walk() if cell.path == "1")
            largest = np.argsort(-np.abs(gradient), axis=None)[:_WEIGHTS]
            for i, index in enumerate(largest):
                at = np.unravel_index(index, gradient.shape)
                slope = central_difference(network, weights, x, t, at)
                found = float(gradient[at])
                places[i][arm] = {"i": i + 1, "central": slope, "backprop": found, "ratio": found / slope}
        return [Frame(i + 1, place) for i, place in enumerate(places)]


def central_difference(
    network: Network, weights: Weights, x: Array, t: Array, at: tuple[np.intp, ...]
) -> float:
    """Return the slope of the loss along one weight of the first layer, without any derivative."""
    losses = []
    for step in (_STEP, -_STEP):
        moved = weights.copy()
        moved.params[_PATH][at] += step
        losses.append(_LOSS.value(network.bind(moved).forward(x), t))
    up, down = losses
    return (up - down) / (2 * _STEP)
