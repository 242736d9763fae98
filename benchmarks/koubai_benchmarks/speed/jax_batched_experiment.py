"""The vanishing-gradient experiment in JAX, all runs as one compiled program that shares batches.

Run by the benchmark: `python -m koubai_benchmarks.speed.jax_batched_experiment 2`.
"""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from koubai_benchmarks.speed.experiment import EVALUATED_ROWS, EVALUATIONS, SEEDS, STEPS
from koubai_benchmarks.speed.side_by_side import BATCH, ORDER, RATE, SIGMOIDS, SIZES, initial, show
from koubai_benchmarks.speed.torch_experiment import arrays


def main(arguments: Sequence[str]) -> None:
    """Train all runs; XLA takes the cores of the process. Print the test accuracies."""
    import jax
    import jax.numpy as jnp

    x, t, x_test, t_test = map(jnp.asarray, arrays())

    def step(layers: Any, key: Any) -> tuple[Any, None]:
        batch = jax.random.randint(key, (SEEDS, BATCH), 0, len(x))
        gradients = jax.grad(lambda w: loss(outputs(w, x[batch]), t[batch]))(layers)
        return jax.tree.map(lambda w, g: w - RATE * g, layers, gradients), None

    stretch = jax.jit(lambda layers, keys: jax.lax.scan(step, layers, keys)[0], donate_argnums=0)
    score = jax.jit(accuracy)
    layers = jax.tree.map(jnp.array, initial())
    keys = jax.random.split(jax.random.key(0), (EVALUATIONS, STEPS // EVALUATIONS))
    accuracies = jnp.zeros(SEEDS * len(ORDER))
    for some in keys:
        layers = stretch(layers, some)
        score(layers, x[:EVALUATED_ROWS], t[:EVALUATED_ROWS]).block_until_ready()
        accuracies = score(layers, x_test, t_test)
    show(np.asarray(accuracies))


def outputs(layers: Any, x: Any) -> Any:
    """Return y (S A, N, 10) of x (S, N, 784) or (N, 784)."""
    (W1, b1), (W2, b2), (W3, b3) = layers
    arms = len(ORDER)
    h = x @ W1 + b1
    seeds, n, _ = h.shape
    h = _activated(h.reshape(seeds, n, arms, SIZES[1]).swapaxes(1, 2))
    h = _activated((h.reshape(seeds * arms, n, SIZES[1]) @ W2 + b2).reshape(seeds, arms, n, SIZES[2]))
    return h.reshape(seeds * arms, n, SIZES[2]) @ W3 + b3


def _activated(h: Any) -> Any:
    import jax
    import jax.numpy as jnp

    return jnp.concatenate((jax.nn.sigmoid(h[:, :SIGMOIDS]), jax.nn.relu(h[:, SIGMOIDS:])), 1)


def loss(y: Any, t: Any) -> Any:
    """Return the sum over all runs of their mean losses; t (S, N)."""
    import jax
    import jax.numpy as jnp

    t = jnp.repeat(t, len(y) // len(t), 0)
    return -jnp.take_along_axis(jax.nn.log_softmax(y), t[..., None], 2).sum() / t.shape[1]


def accuracy(layers: Any, x: Any, t: Any) -> Any:
    """Return the accuracy of every run (S A,) on x (N, 784)."""
    return (outputs(layers, x).argmax(2) == t).mean(1)


if __name__ == "__main__":
    atexit.register(gc.freeze)  # as `koubai` does: nothing is to be collected at the end
    main(sys.argv[1:])
