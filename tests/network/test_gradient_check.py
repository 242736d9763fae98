"""The gradient check finds wrong derivatives, tells kinks, and owns up to what rounding hides."""

import numpy as np
import pytest

from koubai.initializers import Zeros
from koubai.lab.course.parts import ActivatedSigmoid, CrossedReLU
from koubai.layers import BatchNorm, Conv2d, Dropout, Flatten, Linear, ReLU, Sigmoid, Tanh
from koubai.layers.sequential import Sequential
from koubai.losses import SoftmaxCrossEntropy
from koubai.network.gradient_check import INPUTS, WeightedSum, check_gradients, passes
from koubai.network.network import Network

X = np.random.default_rng(0).normal(size=(3, 2, 4, 4))
T = np.array([0, 2, 1])
TOLERANCE = 1e-6


def checked(*layers, x=X, loss=None, t=T, **rest):
    network = Network(Sequential(*layers), x.shape[1:])
    return {one.path: one for one in check_gradients(network, loss or WeightedSum(1), x, t, **rest)}


def verdicts(found):
    return {path: one.verdict(TOLERANCE) for path, one in found.items()}


def test_right_formulas_agree_for_every_parameter_and_the_inputs():
    found = checked(
        Conv2d(3, 3), BatchNorm(), Tanh(), Flatten(), Dropout(0.3), Linear(3), loss=SoftmaxCrossEntropy()
    )
    assert list(found) == [INPUTS, "0.weight", "0.bias", "1.gamma", "1.beta", "5.weight", "5.bias"]
    # a bias before batch normalization has no effect: its gradient is rounding, and that is said
    assert verdicts(found) == dict.fromkeys(found, "right") | {"0.bias": "unclear"}
    assert all(one.error < 1e-7 for one in found.values() if one.path != "0.bias")


@pytest.mark.parametrize("wrong", [ActivatedSigmoid(), CrossedReLU()])
def test_a_wrong_derivative_is_found_in_front_of_it_and_not_behind(wrong):
    found = checked(Flatten(), Linear(5), wrong, Linear(3))
    assert verdicts(found) == {
        INPUTS: "wrong",
        "1.weight": "wrong",
        "1.bias": "wrong",
        "3.weight": "right",
        "3.bias": "right",
    }
    where, analytic, numerical = found["1.weight"].worst
    assert len(where) == 2
    assert analytic != pytest.approx(numerical, rel=0.01)


def test_a_wrong_parameter_gradient_alone_is_found(monkeypatch):
    right = Linear.backward

    def doubled(self, cell, dy):
        dx = right(self, cell, dy)
        cell.grad(bias=2 * cell.grads["bias"])
        return dx

    monkeypatch.setattr(Linear, "backward", doubled)
    found = checked(Flatten(), Linear(3))
    assert verdicts(found) == {INPUTS: "right", "1.weight": "right", "1.bias": "wrong"}
    assert found["1.bias"].error == pytest.approx(1 / 3)


def test_elements_on_a_kink_are_told_and_any_derivative_between_both_slopes_is_right():
    found = checked(Flatten(), Linear(4, weight_init=Zeros()), ReLU(), x=np.ones((1, 2, 2, 2)))
    assert found["1.bias"].kinks == 4
    assert set(verdicts(found).values()) == {"right"}


def test_a_bend_is_no_kink():
    x = np.full((1, 1), 1e-6)  # the largest h crosses 0, the smallest does not
    found = checked(ReLU(), x=x)
    assert found[INPUTS].kinks == 0
    assert found[INPUTS].error < 1e-6


def test_a_gradient_lost_in_rounding_is_not_called_wrong():
    deep = [layer for _ in range(14) for layer in (Linear(6), Sigmoid())]
    found = checked(Flatten(), *deep, Linear(3))
    assert found["1.weight"].verdict(1e-6) == "unclear"
    assert found["29.weight"].verdict(1e-6) == "right"


def test_the_cost_is_known_before():
    network = Network(Sequential(Flatten(), Linear(3)), (2, 4, 4))
    assert passes(network, 20) == 3 * (20 + 20 + 3)
