"""JAX with the whole loop inside lax.scan: one compiled program for all steps."""

from __future__ import annotations

from collections.abc import Callable
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
from koubai_benchmarks.speed.peers.peer import Peer, Runner, fixed_batch, only_float32, unknown_layer
from koubai_benchmarks.speed.workload import Workload

# (parameters, running statistics, x, random key) -> (y, new running statistics)
Apply = Callable[[list[Any], list[Any], Any, Any], tuple[Any, list[Any]]]


def prepare(workload: Workload, threads: int) -> Runner:
    """Build pure functions of all state; images are channels-last; the process is bound to its cores."""
    import jax
    import jax.numpy as jnp

    x, t = map(jnp.asarray, fixed_batch(workload, channels_last=True))
    layers = [_layer(cell, jax.random.key(i)) for i, cell in enumerate(workload.network.leaves)]
    params, running = [p for _, p, _ in layers], [r for _, _, r in layers]
    update = _update(workload.optimizer)

    def loss(params: Any, running: Any, key: Any) -> tuple[Any, Any]:
        y, followed = x, []
        for i, (apply, _, _) in enumerate(layers):
            y, new = apply(params[i], running[i], y, jax.random.fold_in(key, i))
            followed.append(new)
        picked = jnp.take_along_axis(jax.nn.log_softmax(y), t[:, None], 1)
        return -picked.mean(), followed

    def step(state: Any, _: Any) -> tuple[Any, None]:
        params, running, slots, number = state
        key = jax.random.fold_in(jax.random.key(0), number)
        gradients, running = jax.grad(loss, has_aux=True)(params, running, key)
        number = number + 1
        moved = jax.tree.map(lambda w, g, *s: update(w, g, s, number), params, gradients, *slots)
        pairs = jax.tree.transpose(jax.tree.structure(params), None, moved)
        return (pairs[0], running, tuple(pairs[1:]), number), None

    scan = jax.jit(lambda state, n: jax.lax.scan(step, state, None, n)[0], static_argnums=1, donate_argnums=0)
    slots = tuple(jax.tree.map(jnp.zeros_like, params) for _ in workload.optimizer.slots)
    # Copies, because initial values are shared between layers and the state is donated.
    state = jax.tree.map(jnp.copy, (params, running, slots, jnp.int32(0)))

    def run(steps: int) -> int:
        nonlocal state
        state = jax.block_until_ready(scan(state, steps))
        return steps

    return run


def _layer(cell: Cell, key: Any) -> tuple[Apply, list[Any], list[Any]]:
    """Return the function of a layer, its parameters and its running statistics."""
    import jax
    import jax.numpy as jnp

    features = cell.in_shape[0]
    match cell.layer:
        case Linear(out_features=out):
            w = jax.random.normal(key, (features, out)) * sqrt(2 / features)
            return lambda p, r, x, k: (x @ p[0] + p[1], r), [w, jnp.zeros(out)], []
        case Conv2d(out_channels=out, window=window):
            scale = sqrt(2 / (features * prod(window.kernel)))
            w = jax.random.normal(key, (*window.kernel, features, out)) * scale
            strides, pads = window.stride, [(p, p) for p in window.padding]

            def convolve(p: list[Any], r: list[Any], x: Any, k: Any) -> tuple[Any, list[Any]]:
                axes = ("NHWC", "HWIO", "NHWC")
                return jax.lax.conv_general_dilated(x, p[0], strides, pads, dimension_numbers=axes) + p[1], r

            return convolve, [w, jnp.zeros(out)], []
        case BatchNorm(momentum=momentum, epsilon=epsilon):
            ones, zeros = jnp.ones(features), jnp.zeros(features)
            return _batch_norm(momentum, epsilon), [ones, zeros], [zeros, ones]
    return _without_parameters(cell.layer), [], []


def _batch_norm(momentum: float, epsilon: float) -> Apply:
    import jax

    def apply(p: list[Any], r: list[Any], x: Any, k: Any) -> tuple[Any, list[Any]]:
        mean, variance = x.mean(0), x.var(0)
        followed = [momentum * r[0] + (1 - momentum) * mean, momentum * r[1] + (1 - momentum) * variance]
        y = p[0] * (x - mean) * jax.lax.rsqrt(variance + epsilon) + p[1]
        return y, jax.lax.stop_gradient(followed)

    return apply


def _without_parameters(layer: object) -> Apply:
    import jax
    import jax.numpy as jnp

    match layer:
        case MaxPool2d(window=window):
            size, strides = (1, *window.kernel, 1), (1, *window.stride, 1)
            return lambda p, r, x, k: (
                jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, size, strides, "VALID"),
                r,
            )
        case Dropout(ratio=ratio):
            return lambda p, r, x, k: (
                x * jax.random.bernoulli(k, 1 - ratio, x.shape) / (1 - ratio),
                r,
            )
        case Flatten():
            return lambda p, r, x, k: (x.reshape(len(x), -1), r)
        case ReLU():
            return lambda p, r, x, k: (jax.nn.relu(x), r)
        case Sigmoid():
            return lambda p, r, x, k: (jax.nn.sigmoid(x), r)
    raise unknown_layer(layer)


def _update(rule: Optimizer) -> Callable[[Any, Any, Any, Any], tuple[Any, ...]]:
    """Return (w, g, slots, t) -> (new w, *new slots)."""
    import jax.numpy as jnp

    rate = rule.learning_rate
    match rule:
        case Adam(beta1=beta1, beta2=beta2, delta=delta):

            def adam(w: Any, g: Any, slots: Any, t: Any) -> tuple[Any, ...]:
                m, v = beta1 * slots[0] + (1 - beta1) * g, beta2 * slots[1] + (1 - beta2) * g * g
                root = jnp.sqrt(v / (1 - beta2**t)) + delta
                return w - rate * m / (1 - beta1**t) / root, m, v

            return adam
        case Momentum(momentum=momentum):
            return lambda w, g, slots, t: (
                w + momentum * slots[0] - rate * g,
                momentum * slots[0] - rate * g,
            )
        case SGD():
            return lambda w, g, slots, t: (w - rate * g,)
    raise unknown_layer(rule)


PEERS = (
    Peer(
        "jax-scan", "jax", prepare, only_float32, {"JAX_PLATFORMS": "cpu", "JAX_TRACEBACK_FILTERING": "off"}
    ),
)
