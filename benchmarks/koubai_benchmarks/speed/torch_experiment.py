"""The vanishing-gradient experiment in PyTorch: one single-threaded process a core, each run as usual code.

Run by the benchmark: `python -m koubai_benchmarks.speed.torch_experiment 2`.
"""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Sequence
from multiprocessing import get_context
from typing import Any

import numpy as np

from koubai_benchmarks.speed.experiment import ARMS, EVALUATED_ROWS, EVALUATIONS, SEEDS, STEPS

_BATCH = 100


def main(arguments: Sequence[str]) -> None:
    """Train every arm with every seed in a pool of processes; print the test accuracies."""
    import torch

    torch.set_num_threads(1)
    data = load()
    context = get_context("fork")  # children share the imported library and the data
    tasks = [(arm, seed) for seed in range(SEEDS) for arm in ARMS]
    with context.Pool(int(arguments[0]), _receive, (data,)) as pool:
        scores = dict(zip(tasks, pool.starmap(_train, tasks, chunksize=1), strict=True))
    for arm in ARMS:
        print(f"{arm:24s}", *(f"{scores[arm, seed]:.4f}" for seed in range(SEEDS)))


def arrays() -> tuple[Any, ...]:
    """Return MNIST for all sides that are not koubai's: x, t, x_test, t_test; a sample is a row."""
    from koubai.lab.course.settings import source

    loaded = source("mnist").load(None)
    x_train, x_test = (np.asarray(x).reshape(len(x), -1) for x in (loaded.x_train, loaded.x_test))
    return x_train, loaded.t_train, x_test, loaded.t_test


def load() -> tuple[Any, ...]:
    """Return the same as tensors."""
    import torch

    return tuple(map(torch.tensor, arrays()))


_received: list[Any] = []


def _receive(data: tuple[Any, ...]) -> None:
    import torch

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    _received[:] = data


def _train(arm: str, seed: int) -> float:
    import torch
    from torch import nn

    torch.manual_seed(seed)
    x, t, x_test, t_test = _received
    activation, initialization = arm.split(" + ")
    function = nn.ReLU if activation == "ReLU" else nn.Sigmoid
    model = nn.Sequential(*(nn.Linear(784, 40), function(), nn.Linear(40, 20), function(), nn.Linear(20, 10)))
    for layer in model:
        if isinstance(layer, nn.Linear):
            gain = {"Xavier": 1.0, "He": 2.0}.get(initialization)
            std = 0.01 if gain is None else (gain / layer.in_features) ** 0.5
            nn.init.normal_(layer.weight, std=std)
            nn.init.zeros_(layer.bias)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    accuracy = 0.0
    for step in range(1, STEPS + 1):
        batch = torch.randint(len(x), (_BATCH,))
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(model(x[batch]), t[batch]).backward()
        optimizer.step()
        if step % (STEPS // EVALUATIONS) == 0:
            with torch.no_grad():
                _accuracy(model, x[:EVALUATED_ROWS], t[:EVALUATED_ROWS])
                accuracy = _accuracy(model, x_test, t_test)
    return accuracy


def _accuracy(model: Any, x: Any, t: Any) -> float:
    return float((model(x).argmax(1) == t).float().mean())


if __name__ == "__main__":
    atexit.register(gc.freeze)  # as `koubai` does: nothing is to be collected at the end
    main(sys.argv[1:])
