"""Questions on initial weights and on batch normalization: lessons 4 and 5."""

from __future__ import annotations

from math import sqrt

import numpy as np

from koubai.core.layer import wire
from koubai.core.params import ParamSpec
from koubai.initializers.constant import Zeros
from koubai.initializers.initializer import INITIALIZERS
from koubai.layers.batch_norm import BatchNorm
from koubai.models.mlp import Mlp
from koubai.network.network import Network
from koubai.report.numbers import number
from koubai.study.quiz.asked import Asked, question


@question("weight_initialization", "xavier", "he")
def initial_deviation(random: np.random.Generator) -> Asked:
    """The deviation of an initializer for given fans."""
    n_in, n_out = (int(n) for n in random.choice([50, 100, 200, 400, 784], 2, replace=False))
    spec = ParamSpec((n_in, n_out), fan_in=n_in, fan_out=n_out)
    stds = {name: INITIALIZERS[f"{name}_normal"]().std(spec) for name in ("glorot", "lecun", "he")}
    right = str(random.choice(list(stds)))
    return Asked(
        "initial_deviation",
        {**{name: number(std) for name, std in stds.items()}, "variance": number(stds[right] ** 2)},
        right,
        "1/sqrt(n_in) (LeCun), sqrt(2/(n_in + n_out)) (Glorot), sqrt(2/n_in) (He)",
        "koubai.initializers.normal:GlorotNormal.std",
        {"n_in": n_in, "n_out": n_out, "who": {"glorot": "Glorot", "lecun": "LeCun", "he": "He"}[right]},
    )


@question("symmetry", "weight_initialization")
def zero_weights(random: np.random.Generator) -> Asked:
    """What becomes of a network all of whose weights are 0: computed on one."""
    network = Network(Mlp(hidden=(5,), classes=3, activation="relu"), (4,), Zeros())
    root = network.bind(network.initialize(0, "float64"), training=True)
    y = root.forward(random.standard_normal((8, 4)))
    root.backward(random.standard_normal(y.shape))
    gradients = [cell.grads["weight"] for cell in root.walk() if "weight" in cell.grads]
    assert not any(g.any() for g in gradients)  # neither the hidden nor the output weights get any
    return Asked(
        "zero_weights",
        dict.fromkeys(("right", "slow", "explodes", "bias")),
        "right",
        "dE/dW_l = x_l^T delta_l,  delta_l = (delta_{l+1} W_{l+1}^T) f'(u_l)",
        "koubai.layers.linear:Linear.backward",
    )


@question("batch_normalization")
def batch_norm_value(random: np.random.Generator) -> Asked:
    """What batch normalization makes of one value in a batch of four."""
    middle, half = int(random.integers(2, 9)), int(random.integers(2, 5))
    gamma, beta = int(random.integers(2, 4)), int(random.integers(1, 4))
    x = np.array([middle - half, middle - half, middle + half, middle + half], float)[:, None]
    cell = wire(BatchNorm(epsilon=1e-12), "", (1,))
    cell.training = True
    cell.params = {"gamma": np.full(1, float(gamma)), "beta": np.full(1, float(beta))}
    cell.buffers = {name: np.full(1, spec.fill) for name, spec in cell.layer.buffers((1,)).items()}
    y = float(cell.forward(x)[-1, 0])
    return Asked(
        "batch_norm_value",
        {
            "right": number(y),
            "unnormalized": number(float(gamma * x[-1, 0] + beta)),
            "unscaled": "1",
            "variance": number(gamma * half / half**2 + beta),
        },
        "right",
        "y = gamma x_hat + beta,  x_hat = (x - mu) / sqrt(var + eps)",
        "koubai.layers.batch_norm:BatchNorm.forward",
        {"batch": ", ".join(f"{v:g}" for v in x[:, 0]), "gamma": gamma, "beta": beta, "x": f"{x[-1, 0]:g}"},
    )


@question("batch_normalization")
def batch_norm_effect(random: np.random.Generator) -> Asked:
    """What batch normalization does, and what it does not."""
    return Asked(
        "batch_norm_effect",
        dict.fromkeys(("right", "faster_step", "fewer_weights", "fewer_samples")),
        "right",
        "x_hat = (x - mu) / sqrt(var + eps)",
        "koubai.layers.batch_norm:BatchNorm.forward",
    )


@question("he", "weight_initialization")
def signal_through_relu(random: np.random.Generator) -> Asked:
    """By what the deviation of a signal is multiplied in a layer of n units with weights of deviation s."""
    n = int(random.choice([64, 100, 256, 400]))
    he = INITIALIZERS["he_normal"]().std(ParamSpec((n, n), fan_in=n, fan_out=n))
    s = he * float(random.choice([0.5, 2.0]))
    right = s * sqrt(n / 2)
    return Asked(
        "signal_through_relu",
        {
            "right": number(right),
            "linear": number(s * sqrt(n)),
            "count": number(s * n),
            "one": "1",
        },
        "right",
        "E y^2 = n s^2 E x^2 / 2   (ReLU)",
        "koubai.initializers.normal:HeNormal.std",
        {"n": n, "s": number(s)},
    )
