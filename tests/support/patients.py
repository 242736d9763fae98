"""Sick recipes and healthy look-alikes, small enough to train in a test: one pair for each diagnosis."""

from dataclasses import dataclass

import numpy as np

from koubai.data.sources.arrays import Arrays
from koubai.data.sources.circles import Circles
from koubai.data.sources.digits import Digits
from koubai.data.sources.regression import Regression
from koubai.initializers.constant import Constant, Zeros
from koubai.initializers.normal import HeNormal, Normal
from koubai.initializers.uniform import HeUniform
from koubai.layers.activations import Sigmoid
from koubai.layers.batch_norm import BatchNorm
from koubai.layers.flatten import Flatten
from koubai.layers.linear import Linear
from koubai.layers.rectifiers import ReLU
from koubai.layers.sequential import Sequential
from koubai.layers.softmax import Softmax
from koubai.losses.binary_cross_entropy import BinaryCrossEntropy
from koubai.losses.mean_squared_error import MeanSquaredError
from koubai.losses.sigmoid_cross_entropy import SigmoidCrossEntropy
from koubai.models.mlp import Mlp
from koubai.optim.adam import Adam
from koubai.optim.sgd import SGD
from koubai.penalties.p_norm import L2
from koubai.train.recipe import Recipe


@dataclass(frozen=True)
class WrongSigmoid(Sigmoid):
    """Sigmoid whose derivative has the wrong sign."""

    def derivative(self, u, y):
        return -y * (1 - y)


def digits(**changes):
    settings = {"network": Mlp((32,), 10), "data": Digits(), "optimizer": Adam(0.003), "batch_size": 50}
    return Recipe(**{**settings, "steps": 300, **changes})


def circles(hidden, activation="relu", **changes):
    settings = {
        "network": Mlp(tuple(hidden), 1, activation),
        "data": Circles(factor=0.5),
        "loss": SigmoidCrossEntropy(),
        "optimizer": Adam(0.01),
        "initializer": HeUniform(),
        "batch_size": 50,
        "steps": 400,
    }
    return Recipe(**{**settings, **changes})


def values(**changes):
    settings = {
        "network": Mlp((16,), 1, "tanh"),
        "data": Regression(curve="sine"),
        "loss": MeanSquaredError(),
        "optimizer": Adam(0.01),
        "batch_size": 50,
        "steps": 500,
    }
    return Recipe(**{**settings, **changes})


def rare():
    random = np.random.default_rng(0)
    t = (np.arange(1500) % 30 == 0).astype(np.int64)
    x = random.standard_normal((1500, 2)) + 1.2 * t[:, None]
    return Arrays.of(x, t)


def known():
    random = np.random.default_rng(0)
    t = (np.arange(1500) % 30 == 0).astype(np.int64)
    return Arrays.of(random.standard_normal((1500, 2)) * 0.3 + 3.0 * t[:, None], t)


def squashed(scale):
    dataset = Digits().load()
    return Arrays.of(
        dataset.x_train.reshape(-1, 64) * scale,
        dataset.t_train,
        dataset.x_test.reshape(-1, 64) * scale,
        dataset.t_test,
    )


EIGHT = (5,) * 8
SICK = {
    "not_finite": values(data=Regression(low=0, high=1000), network=Linear(1), optimizer=SGD(0.1)),
    "exploding_gradient": circles((5,) * 10, "exponential"),
    "vanishing_gradient": circles((5,) * 11, "sigmoid"),
    "dead_units": digits(
        network=Sequential(Flatten(), Linear(32, bias_init=Constant(-8.0)), ReLU(), Linear(10))
    ),
    "saturated_units": digits(
        network=Mlp((32, 32, 32), 10, "tanh"), initializer=Normal(5.0), optimizer=SGD(0.01)
    ),
    "symmetric_init": digits(network=Mlp((32, 16), 10), initializer=Zeros()),
    "init_too_small": digits(network=Mlp((32, 32, 32), 10), initializer=Normal(0.01), optimizer=SGD(0.1)),
    "init_too_large": digits(network=Mlp((32, 32), 10, "tanh"), initializer=Normal(3.0), optimizer=SGD(0.01)),
    "learning_rate_too_high": digits(optimizer=SGD(50.0)),
    "learning_rate_too_low": digits(optimizer=SGD(0.0003)),
    "oscillation": digits(network=Mlp((32,) * 4, 10, "tanh"), optimizer=Adam(0.05), batch_size=10, steps=800),
    "not_learning": circles((5,) * 11, "sigmoid"),
    "too_few_steps": digits(optimizer=SGD(0.1), batch_size=100, steps=40),
    "over_fitting": digits(data=Digits(train=60), network=Mlp((200, 200), 10), steps=1500),
    "under_fitting": circles((1,), "tanh", steps=800),
    "over_regularized": digits(penalties=(L2(1.0),)),
    "data_not_normalized": digits(
        data=Digits(scale="bytes"), optimizer=SGD(0.5), network=Mlp((32,), 10, "sigmoid")
    ),
    "data_squashed": digits(data=squashed(0.002), network=Mlp((32,), 10), optimizer=SGD(0.1)),
    "labels_wrong": digits(data=Digits(label_noise=1.0)),
    "label_noise": digits(
        data=Digits(label_noise=0.4), network=Mlp((400,), 10), optimizer=Adam(0.01), steps=2000
    ),
    "class_imbalance": circles((8,), data=rare()),
    "output_loss_mismatch": circles(
        (), network=Sequential(Linear(16), ReLU(), Linear(1), Softmax()), loss=BinaryCrossEntropy()
    ),
    "output_range": values(
        network=Sequential(Linear(16), ReLU(), Linear(1), Sigmoid()), data=Regression(offset=3)
    ),
    "targets_not_scaled": values(data=Regression(offset=2e5, size=8e4)),
    "no_nonlinearity": circles((16, 16), "identity"),
    "batch_norm_misuse": digits(
        network=Sequential(Flatten(), Linear(32), BatchNorm(momentum=0.9999), ReLU(), Linear(10))
    ),
    "wrong_gradient": digits(
        network=Sequential(Flatten(), Linear(32), WrongSigmoid(), Linear(32), WrongSigmoid(), Linear(10)),
        steps=100,
    ),
}
HEALTHY = {
    "not_finite": values(),
    "exploding_gradient": circles((16, 16), "selu"),
    "vanishing_gradient": circles(
        EIGHT,
        network=Sequential(
            *(layer for _ in EIGHT for layer in (Linear(5), BatchNorm(), Sigmoid())), Linear(1)
        ),
        steps=1000,
    ),
    "dead_units": digits(network=Mlp((100,), 10)),
    "saturated_units": circles(
        (16,), network=Sequential(Linear(16), ReLU(), Linear(1), Sigmoid()), loss=BinaryCrossEntropy()
    ),
    "symmetric_init": digits(
        network=Sequential(Flatten(), Linear(32), ReLU(), Linear(10, weight_init=Zeros()))
    ),
    "init_too_small": digits(initializer=Normal(0.01)),
    "init_too_large": digits(
        network=Sequential(Flatten(), Linear(32), BatchNorm(), ReLU(), Linear(10)), initializer=Normal(1.0)
    ),
    "learning_rate_too_high": digits(batch_size=8, optimizer=SGD(0.1), steps=800),
    "learning_rate_too_low": digits(optimizer=SGD(0.5)),
    "oscillation": digits(batch_size=8, optimizer=SGD(0.1), steps=800),
    "not_learning": digits(),
    "too_few_steps": digits(optimizer=SGD(0.5)),
    "over_fitting": digits(network=Mlp((200, 200), 10), steps=600),
    "under_fitting": circles((8,)),
    "over_regularized": digits(penalties=(L2(1e-3),)),
    "data_not_normalized": digits(data=Digits(scale="bytes"), initializer=HeNormal()),
    "data_squashed": digits(data=squashed(1.0)),
    "labels_wrong": digits(),
    "label_noise": circles((16,), data=Circles(noise=0.2)),
    "class_imbalance": circles((8,), data=known()),
    "output_loss_mismatch": circles(
        (16,), network=Sequential(Linear(16), ReLU(), Linear(1), Sigmoid()), loss=MeanSquaredError()
    ),
    "output_range": circles(
        (16,), network=Sequential(Linear(16), ReLU(), Linear(1), Sigmoid()), loss=MeanSquaredError()
    ),
    "targets_not_scaled": values(data=Regression(size=30)),  # larger than is good, and it copes
    "no_nonlinearity": digits(network=Mlp((32,), 10, "identity")),
    "batch_norm_misuse": digits(network=Mlp((32,), 10, batch_norm=True)),
    "wrong_gradient": digits(network=Mlp((32, 32), 10, "sigmoid")),
}
