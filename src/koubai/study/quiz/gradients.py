"""Questions on derivatives and what becomes of them through depth: lessons 2 and 3."""

from __future__ import annotations

import numpy as np

from koubai.layers.activations import Sigmoid
from koubai.report.numbers import number
from koubai.study.quiz.asked import Asked, question


@question("chain_rule")
def chain_rule(random: np.random.Generator) -> Asked:
    """z = t^2, t = x + y: dz/dx at a point."""
    x, y = (int(n) for n in random.integers(2, 9, 2))
    h = 1e-3
    right = round((((x + h + y) ** 2) - ((x - h + y) ** 2)) / (2 * h))  # the central difference
    return Asked(
        "chain_rule",
        {"right": str(right), "alone": str(2 * x), "value": str((x + y) ** 2), "outer": str(x + y)},
        "right",
        "dz/dx = dz/dt dt/dx = 2 (x + y)",
        "koubai.layers.activations:Activation.backward",
        {"x": x, "y": y},
    )


@question("sigmoid")
def sigmoid_slope(random: np.random.Generator) -> Asked:
    """The sigmoid's derivative where its value is known; at the value .5 it is largest."""
    y = round(float(random.choice([0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9])), 1)
    u = np.log(y / (1 - y))
    slope = Sigmoid().derivative(np.array([u]), Sigmoid().value(np.array([u])))[0]
    return Asked(
        "sigmoid_slope",
        {"right": number(float(slope)), "value": number(y), "square": number(y**3), "one": "1"},
        "right",
        "f' = f (1 - f)",
        "koubai.layers.activations:Sigmoid.derivative",
        {"y": y},
    )


@question("sigmoid", "vanishing_gradient")
def sigmoid_maximum(random: np.random.Generator) -> Asked:
    """The largest value of the sigmoid's derivative."""
    u = np.linspace(-8, 8, 1601)
    largest = float(Sigmoid().derivative(u, Sigmoid().value(u)).max())
    return Asked(
        "sigmoid_maximum",
        {"low": "0.15", "right": number(largest), "high": "0.35", "half": "0.5"},
        "right",
        "f'(0) = f(0) (1 - f(0)) = 1/2 (1 - 1/2)",
        "koubai.layers.activations:Sigmoid.derivative",
    )


@question("vanishing_gradient", "product_of_derivatives")
def depth(random: np.random.Generator) -> Asked:
    """How much of a gradient a chain of sigmoids lets through at most, with weights of a given size."""
    layers = int(random.integers(3, 8))
    w = int(random.integers(2, 4))
    right = (Sigmoid.max_derivative * w) ** layers
    return Asked(
        "depth",
        {
            "right": number(right),
            "quarter": number(Sigmoid.max_derivative**layers),
            "sum": number(Sigmoid.max_derivative * w * layers),
            "weights": number(float(w**layers)),
        },
        "right",
        "prod_l w f'(u_l) <= (w / 4)^L",
        "koubai.layers.activations:Sigmoid.derivative",
        {"layers": layers, "w": w},
    )


@question("back_propagation", "delta")
def weight_gradient_line(random: np.random.Generator) -> Asked:
    """Which line computes the gradient of the second layer's weights."""
    return _line("weight_gradient_line", "second")


@question("back_propagation", "delta")
def hidden_delta_line(random: np.random.Generator) -> Asked:
    """Which line carries the error back to the hidden layer."""
    return _line("hidden_delta_line", "hidden")


@question("back_propagation", "delta")
def output_delta_line(random: np.random.Generator) -> Asked:
    """Which line is dE/dy dy/du where the output is the identity."""
    return _line("output_delta_line", "output")


_LINES = {
    "output": "delta2 = d_loss(t, y)",
    "hidden": "delta1 = dot(delta2, W2.T) * d_f(u1)",
    "second": "dW2 = dot(z1.T, delta2)",
    "first": "dW1 = dot(x.T, delta1)",
}


def _line(name: str, right: str) -> Asked:
    return Asked(
        name,
        _LINES,
        right,
        "delta_l = (delta_{l+1} W_{l+1}^T) * f'(u_l);  dE/dW_l = x_l^T delta_l",
        "koubai.layers.linear:Linear.backward",
    )
