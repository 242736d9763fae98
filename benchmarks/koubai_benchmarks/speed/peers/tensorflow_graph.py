"""TensorFlow with the whole loop in one graph: no Python between steps; oneDNN kernels, or XLA's code."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod, sqrt
from typing import Any

from koubai.core.layer import Cell
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
from koubai_benchmarks.speed.peers.peer import (
    Peer,
    Runner,
    fixed_batch,
    only_dense,
    only_float32,
    unknown_layer,
)
from koubai_benchmarks.speed.workload import Workload

Apply = Callable[[Any], Any]


def prepare(workload: Workload, threads: int, *, xla: bool = False) -> Runner:
    """Build variables and the function that loops inside the graph; images are channels-last."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.random.set_seed(0)
    x, t = map(tf.constant, fixed_batch(workload, channels_last=True))
    layers = [_layer(cell) for cell in workload.network.leaves]
    weights = [w for _, trained in layers for w in trained]
    update = _update(workload.optimizer, weights)

    @tf.function(jit_compile=xla or None)
    def loop(steps: Any) -> None:
        for _ in tf.range(steps):
            with tf.GradientTape() as tape:
                y = x
                for apply, _ in layers:
                    y = apply(y)
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(t, y))
            update(tape.gradient(loss, weights))

    def run(steps: int) -> int:
        loop(tf.constant(steps))
        weights[0].numpy()  # waits for the last step
        return steps

    return run


def _layer(cell: Cell) -> tuple[Apply, list[Any]]:  # noqa: PLR0911 -- one return a layer
    """Return the function of a layer and its trained variables."""
    import tensorflow as tf

    features = cell.in_shape[0]
    match cell.layer:
        case Linear(out_features=out):
            w, b = _normal((features, out), features), tf.Variable(tf.zeros(out))
            return lambda x: tf.nn.bias_add(tf.matmul(x, w), b), [w, b]
        case Conv2d(out_channels=out, window=window):
            w = _normal((*window.kernel, features, out), features * prod(window.kernel))
            b = tf.Variable(tf.zeros(out))
            pad = [[0, 0], *([p, p] for p in window.padding), [0, 0]]
            return lambda x: tf.nn.bias_add(tf.nn.conv2d(x, w, window.stride, pad), b), [w, b]
        case BatchNorm(momentum=momentum, epsilon=epsilon):
            return _batch_norm(features, momentum, epsilon)
        case MaxPool2d(size=size, stride=stride):
            return lambda x: tf.nn.max_pool2d(x, size, stride or size, "VALID"), []
        case Dropout(ratio=ratio):
            return lambda x: tf.nn.dropout(x, ratio), []
        case Flatten():
            return lambda x: tf.reshape(x, (x.shape[0], -1)), []
        case ReLU():
            return tf.nn.relu, []
        case Sigmoid():
            return tf.nn.sigmoid, []
    raise unknown_layer(cell.layer)


def _normal(shape: tuple[int, ...], fan_in: int) -> Any:
    import tensorflow as tf

    return tf.Variable(tf.random.normal(shape, stddev=sqrt(2 / fan_in)))


def _batch_norm(features: int, momentum: float, epsilon: float) -> tuple[Apply, list[Any]]:
    import tensorflow as tf

    gamma, beta = tf.Variable(tf.ones(features)), tf.Variable(tf.zeros(features))
    running = tf.Variable(tf.zeros(features)), tf.Variable(tf.ones(features))

    def apply(x: Any) -> Any:
        batch = tf.nn.moments(x, [0])
        for old, new in zip(running, batch, strict=True):
            old.assign(momentum * old + (1 - momentum) * new)
        return tf.nn.batch_normalization(x, *batch, beta, gamma, epsilon)

    return apply, [gamma, beta]


def _update(rule: Optimizer, weights: list[Any]) -> Callable[[list[Any]], None]:
    """Return the update of all weights, by the fused operations that TensorFlow's optimizers use."""
    import tensorflow as tf

    rate = rule.learning_rate
    slots = [[tf.Variable(tf.zeros_like(w)) for w in weights] for _ in rule.slots]
    match rule:
        case Adam(beta1=beta1, beta2=beta2, delta=delta):
            t = tf.Variable(0.0)

            def adam(gradients: list[Any]) -> None:
                t.assign_add(1.0)
                powers = tf.pow(beta1, t), tf.pow(beta2, t)
                for w, g, m, v in zip(weights, gradients, *slots, strict=True):
                    tf.raw_ops.ResourceApplyAdam(
                        var=w.handle,
                        m=m.handle,
                        v=v.handle,
                        beta1_power=powers[0],
                        beta2_power=powers[1],
                        lr=rate,
                        beta1=beta1,
                        beta2=beta2,
                        epsilon=delta,
                        grad=g,
                    )

            return adam
        case Momentum(momentum=momentum):

            def heavy_ball(gradients: list[Any]) -> None:
                for w, g, v in zip(weights, gradients, *slots, strict=True):
                    tf.raw_ops.ResourceApplyMomentum(
                        var=w.handle, accum=v.handle, lr=rate, grad=g, momentum=momentum
                    )

            return heavy_ball
        case SGD():

            def descend(gradients: list[Any]) -> None:
                for w, g in zip(weights, gradients, strict=True):
                    tf.raw_ops.ResourceApplyGradientDescent(var=w.handle, alpha=rate, delta=g)

            return descend
    raise unknown_layer(rule)


PEERS = tuple(
    Peer(
        name,
        "tensorflow",
        partial(prepare, xla=xla),
        only_dense if xla else only_float32,
        {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1"},
    )
    for name, xla in (("tensorflow-graph", False), ("tensorflow-xla", True))
)
