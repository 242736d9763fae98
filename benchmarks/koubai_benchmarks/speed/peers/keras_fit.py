"""Keras as its users run it: model.fit, on the backends that are installed."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from koubai.core.layer import Layer
from koubai.layers.activations import Sigmoid
from koubai.layers.batch_norm import BatchNorm
from koubai.layers.convolution import Conv2d
from koubai.layers.dropout import Dropout
from koubai.layers.flatten import Flatten
from koubai.layers.linear import Linear
from koubai.layers.max_pool import MaxPool2d
from koubai.layers.rectifiers import ReLU
from koubai.optim.adam import Adam
from koubai.optim.momentum import Momentum
from koubai.optim.optimizer import Optimizer
from koubai.optim.sgd import SGD
from koubai_benchmarks.speed.peers.peer import Peer, Runner, only_dense, only_float32, unknown_layer
from koubai_benchmarks.speed.workload import Workload


def prepare(workload: Workload, threads: int, *, xla: bool = False) -> Runner:
    """Build and compile the model; an epoch is `samples` / batch steps, up to 50 of them a call.

    Left to itself, Keras has XLA compile JAX's steps, and on a CPU not TensorFlow's.
    """
    import keras

    x, t = workload.data(workload.samples)
    if workload.convolutional:
        x = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    steps_per_epoch = workload.samples // workload.batch_size
    layers = [layer for cell in workload.network.leaves for layer in _layers(cell.layer)]
    model = keras.Sequential([keras.Input(x.shape[1:]), *layers])
    model.compile(
        _optimizer(workload.optimizer),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=min(steps_per_epoch, 50),
        jit_compile=xla or "auto",
    )

    def run(steps: int) -> int:
        epochs = max(1, round(steps / steps_per_epoch))
        model.fit(x, t, workload.batch_size, epochs, verbose=0)
        return epochs * steps_per_epoch

    return run


def _layers(layer: Layer) -> list[Any]:  # noqa: PLR0911 -- one return a layer
    from keras import layers

    match layer:
        case Linear(out_features=out):
            return [layers.Dense(out)]
        case Conv2d(out_channels=out, kernel=kernel, stride=stride, padding=padding):
            pad = [layers.ZeroPadding2D(padding)] if padding else []
            return [*pad, layers.Conv2D(out, kernel, stride)]
        case BatchNorm(momentum=momentum, epsilon=epsilon):
            return [layers.BatchNormalization(momentum=momentum, epsilon=epsilon)]
        case MaxPool2d(size=size, stride=stride):
            return [layers.MaxPooling2D(size, stride)]
        case Dropout(ratio=ratio):
            return [layers.Dropout(ratio)]
        case Flatten():
            return [layers.Flatten()]
        case ReLU():
            return [layers.ReLU()]
        case Sigmoid():
            return [layers.Activation("sigmoid")]
    raise unknown_layer(layer)


def _optimizer(rule: Optimizer) -> Any:
    from keras import optimizers

    match rule:
        case Adam(beta1=beta1, beta2=beta2, delta=delta):
            return optimizers.Adam(rule.learning_rate, beta1, beta2, delta)
        case Momentum(momentum=momentum):
            return optimizers.SGD(rule.learning_rate, momentum)
        case SGD():
            return optimizers.SGD(rule.learning_rate)
    raise unknown_layer(rule)


def _refuses(workload: Workload, backend: str, *, xla: bool) -> str | None:
    if not find_spec(backend):
        return f"{backend} is not installed"
    return only_dense(workload) if xla else only_float32(workload)


PEERS = tuple(
    Peer(
        name,
        "keras",
        partial(prepare, xla=xla),
        partial(_refuses, backend=backend, xla=xla),
        {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu"},
    )
    for name, backend, xla in (
        ("keras-jax", "jax", False),
        ("keras-tensorflow", "tensorflow", False),
        ("keras-tensorflow-xla", "tensorflow", True),
    )
)
