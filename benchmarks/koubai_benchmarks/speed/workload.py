"""Workloads: what is trained, declared once in koubai's layers; every peer translates that."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from koubai.core.params import Array, Shape
from koubai.layers.activations import Sigmoid
from koubai.layers.batch_norm import BatchNorm
from koubai.layers.convolution import Conv2d
from koubai.layers.dropout import Dropout
from koubai.layers.flatten import Flatten
from koubai.layers.linear import Linear
from koubai.layers.max_pool import MaxPool2d
from koubai.layers.rectifiers import ReLU
from koubai.layers.sequential import Sequential
from koubai.network.network import Network
from koubai.optim.adam import Adam
from koubai.optim.momentum import Momentum
from koubai.optim.optimizer import Optimizer
from koubai.optim.sgd import SGD

_PATTERN, _COARSE = 0.5, 8  # how strong a pattern is, if noise is 1; the pixels its squares are wide


@dataclass(frozen=True)
class Workload:
    """One network trained on made-up data of one shape.

    | field     | meaning                                                                          |
    |-----------|----------------------------------------------------------------------------------|
    | samples   | how many samples koubai draws its batches from; peers repeat one fixed batch     |
    | precision | "float32", or "bfloat16" with float32 master weights                             |
    | resident  | whether all engines may keep their memory between rounds, each in its process    |
    """

    name: str
    title: str
    layers: Sequential
    in_shape: Shape
    classes: int
    batch_size: int
    optimizer: Optimizer
    samples: int = 10_000
    precision: str = "float32"
    resident: bool = True

    @property
    def network(self) -> Network:
        """The layers resolved for the input."""
        return Network(self.layers, self.in_shape)

    @property
    def convolutional(self) -> bool:
        """Whether inputs are images."""
        return len(self.in_shape) == 3

    def data(self, count: int) -> tuple[Array, Array]:
        """Return float32 inputs (count, ...) and labels (count,): each class a coarse pattern, in noise.

        There is something to learn: on labels without reason ReLU networks die within some fifty steps, and a
        dead network is not what anybody trains.
        """
        random = np.random.default_rng(0)
        coarse = self.in_shape[:1] + tuple(-(-n // _COARSE) for n in self.in_shape[1:])
        patterns = random.standard_normal((min(self.classes, 10), *coarse), dtype=np.float32)
        for axis, n in enumerate(self.in_shape[1:], start=2):
            patterns = patterns.repeat(_COARSE, axis).take(range(n), axis)
        t = random.integers(0, len(patterns), count)
        noise = random.standard_normal((count, *self.in_shape), dtype=np.float32)
        return noise + np.float32(_PATTERN) * patterns[t], t


def _mlp() -> Sequential:
    return Sequential(Linear(40), Sigmoid(), Linear(20), Sigmoid(), Linear(10))


def _deep_mlp() -> Sequential:
    hidden = [layer for _ in range(5) for layer in (Linear(100), BatchNorm(), ReLU())]
    return Sequential(*hidden, Linear(10))


def _simple() -> Sequential:
    return Sequential(Conv2d(30, 5), ReLU(), MaxPool2d(2), Flatten(), Linear(100), ReLU(), Linear(10))


def _deep() -> Sequential:
    convolutions = []
    for channels, paddings in ((16, (1, 1)), (32, (1, 2)), (64, (1, 1))):
        for padding in paddings:
            convolutions += [Conv2d(channels, 3, padding=padding), ReLU()]
        convolutions.append(MaxPool2d(2))
    head = (Flatten(), Linear(50), ReLU(), Dropout(0.5), Linear(10), Dropout(0.5))
    return Sequential(*convolutions, *head)


def _alexnet() -> Sequential:
    """The network of Krizhevsky et al. 2012 without its two groups and without response normalization."""
    return Sequential(
        *(Conv2d(96, 11, stride=4), ReLU(), MaxPool2d(3, 2)),
        *(Conv2d(256, 5, padding=2), ReLU(), MaxPool2d(3, 2)),
        *(Conv2d(384, 3, padding=1), ReLU()),
        *(Conv2d(384, 3, padding=1), ReLU()),
        *(Conv2d(256, 3, padding=1), ReLU(), MaxPool2d(3, 2)),
        *(Flatten(), Linear(4096), ReLU(), Dropout(0.5), Linear(4096), ReLU(), Dropout(0.5), Linear(1000)),
    )


_IMAGES = (1, 28, 28)
_FLOAT32 = (
    Workload("mlp", "784-40-20-10 sigmoid, batch 100, SGD", _mlp(), (784,), 10, 100, SGD(0.01)),
    Workload("deepmlp", "784-[100]x5-10 ReLU + BN, batch 100, Adam", _deep_mlp(), (784,), 10, 100, Adam()),
    Workload("simple", "simple convnet, batch 100, Adam", _simple(), _IMAGES, 10, 100, Adam()),
    Workload("deep", "deep convnet, batch 100, Adam", _deep(), _IMAGES, 10, 100, Adam()),
    Workload(
        *("alexnet", "AlexNet ungrouped, no LRN, batch 32, 227 x 227, momentum", _alexnet(), (3, 227, 227)),
        *(1000, 32, Momentum(0.001), 64),
        resident=False,
    ),
)


def _bfloat16(workload: Workload) -> Workload:
    name, title = f"{workload.name}-bf16", f"{workload.title}, bfloat16"
    return replace(workload, name=name, title=title, precision="bfloat16")


WORKLOADS = {workload.name: workload for workload in _FLOAT32}
WORKLOADS |= {w.name: w for w in map(_bfloat16, _FLOAT32) if w.convolutional}
