"""The vanishing-gradient experiment in PyTorch, all runs as one program of batched products.

Run by the benchmark: `python -m koubai_benchmarks.speed.torch_grouped_experiment 2`.
"""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Sequence
from typing import Any

from koubai_benchmarks.speed.experiment import EVALUATED_ROWS, EVALUATIONS, SEEDS, STEPS
from koubai_benchmarks.speed.side_by_side import BATCH, ORDER, RATE, SIGMOIDS, SIZES, initial, show
from koubai_benchmarks.speed.torch_experiment import load


def main(arguments: Sequence[str]) -> None:
    """Train all runs with so many threads; print the test accuracies."""
    import torch

    torch.set_num_threads(int(arguments[0]))
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    x, t, x_test, t_test = load()
    layers = [tuple(torch.from_numpy(a).requires_grad_() for a in layer) for layer in initial()]
    optimizer = torch.optim.SGD([w for layer in layers for w in layer], RATE)
    accuracies = torch.zeros(SEEDS * len(ORDER))
    for step in range(1, STEPS + 1):
        batch = torch.randint(len(x), (SEEDS, BATCH))
        optimizer.zero_grad(set_to_none=True)
        loss(outputs(layers, x[batch]), t[batch]).backward()
        optimizer.step()
        if step % (STEPS // EVALUATIONS) == 0:
            with torch.no_grad():
                accuracy(layers, x[:EVALUATED_ROWS], t[:EVALUATED_ROWS])
                accuracies = accuracy(layers, x_test, t_test)
    show(accuracies.numpy())


def outputs(layers: Sequence[Any], x: Any) -> Any:
    """Return y (S A, N, 10) of x (S, N, 784)."""
    import torch

    (W1, b1), (W2, b2), (W3, b3) = layers
    seeds, n, arms = len(x), x.shape[1], len(ORDER)
    h = torch.baddbmm(b1, x, W1).view(seeds, n, arms, SIZES[1]).transpose(1, 2)
    h = torch.baddbmm(b2, _activated(h).reshape(seeds * arms, n, SIZES[1]), W2)
    h = _activated(h.view(seeds, arms, n, SIZES[2]))
    return torch.baddbmm(b3, h.reshape(seeds * arms, n, SIZES[2]), W3)


def _activated(h: Any) -> Any:
    import torch

    return torch.cat((h[:, :SIGMOIDS].sigmoid(), h[:, SIGMOIDS:].relu()), 1)


def loss(y: Any, t: Any) -> Any:
    """Return the sum over all runs of their mean losses; t (S, N)."""
    import torch

    t = t.repeat_interleave(len(y) // len(t), 0)
    return torch.nn.functional.cross_entropy(y.flatten(0, 1), t.flatten(), reduction="sum") / t.shape[1]


def accuracy(layers: Sequence[Any], x: Any, t: Any) -> Any:
    """Return the accuracy of every run (S A,) on x (N, 784)."""
    return (outputs(layers, x.expand(SEEDS, *x.shape)).argmax(2) == t).float().mean(1)


if __name__ == "__main__":
    atexit.register(gc.freeze)  # as `koubai` does: nothing is to be collected at the end
    main(sys.argv[1:])
