"""Networks of every kind with jobs on data that nobody meant anything by, small enough for float64."""

import numpy as np

from koubai.engines import Job
from koubai.layers import (
    AveragePool2d,
    BatchNorm,
    Concatenate,
    Conv1d,
    Conv2d,
    Dropout,
    Exponential,
    Flatten,
    GlobalAveragePool,
    Identity,
    LayerNorm,
    LeakyReLU,
    Linear,
    LocalResponseNorm,
    MaxPool1d,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Softmax,
    Step,
    Tanh,
)
from koubai.losses import SoftmaxCrossEntropy
from koubai.network import Network
from koubai.optim import SGD

NETWORKS = {
    "mlp": ((12,), Sequential(Linear(8), Sigmoid(), Linear(6), Tanh(), Linear(4))),
    "batch norm": (
        (12,),
        Sequential(Linear(8), BatchNorm(), ReLU(), Linear(8), BatchNorm(trainable=False), Linear(4)),
    ),
    "dropout": ((12,), Sequential(Dropout(0.2), Linear(30), ReLU(), Dropout(0.5), Linear(4))),
    "convnet": (
        (2, 10, 9),
        Sequential(
            Conv2d(6, 3, padding=2),
            BatchNorm(),
            ReLU(),
            MaxPool2d(3, 2, 1),
            LocalResponseNorm(),
            Dropout(0.3),
            Conv2d(4, (3, 2), stride=2, dilation=1, groups=2),
            LeakyReLU(),
            AveragePool2d(2, padding=1),
            Flatten(),
            Linear(4),
        ),
    ),
    "series": (
        (3, 20),
        Sequential(Conv1d(5, 4, dilation=2), Tanh(), MaxPool1d(2), GlobalAveragePool(), Linear(4)),
    ),
    "branches": (
        (2, 6, 6),
        Sequential(
            Conv2d(4, 3, padding=1),
            Residual(Sequential(Conv2d(4, 3, padding=1), ReLU(), Conv2d(4, 3, padding=1))),
            Concatenate(Identity(), Conv2d(2, 1)),
            LayerNorm(),
            Flatten(),
            Linear(4),
        ),
    ),
    "odd ends": (
        (5,),
        Sequential(
            Identity(), Linear(6), Exponential(), Linear(5), Step(), LayerNorm(), Linear(4), Softmax()
        ),
    ),
}


def job(name, dtype="float64", **changes):
    shape, layer = NETWORKS[name]
    random = np.random.default_rng(1)
    x = random.normal(size=(40, *shape)).astype(dtype)
    t = random.integers(0, 4, 40)
    return Job(
        **{
            "network": Network(layer, shape),
            "loss": SoftmaxCrossEntropy(),
            "optimizer": SGD(0.1),
            "x": x,
            "t": t,
            "batch_size": 8,
            "seed": 3,
            "dtype": dtype,
            **changes,
        }
    )


def batches(steps):
    return np.random.default_rng(2).integers(0, 40, (steps, 8))
