"""What `koubai.watch` costs a PyTorch training step.

Between looks a watch only listens; that is timed. Looks are spaced so that they take `pace.SHARE` of the
time (after the first two), and this share is added: what is told is the whole.
"""

from __future__ import annotations

import time

import torch
from torch import nn

from koubai.doctor.watch.observe.pace import SHARE
from koubai.doctor.watch.watcher import Watch
from koubai.network.network import Network
from koubai_benchmarks.doctor.overhead import Load, Overhead
from koubai_benchmarks.doctor.torch_modules import module_of, optimizer_of

_NEVER = 10**9


def watch_overhead(load: Load, threads: int = 1) -> Overhead:
    """Time alternating stretches of an ordinary training loop, plain and watched."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        recipe = load.recipe()
        data = recipe.data.load(None)
        x, t = torch.from_numpy(data.x_train.copy()), torch.from_numpy(data.t_train.copy())
        model = module_of(Network(recipe.network, load.in_shape).root)
        optimizer = optimizer_of(recipe.optimizer, model)
        loop = _Loop(model, optimizer, x, t, load.batch_size)
        loop.run(load.updates)
        shares = []
        for _ in range(load.rounds):
            alone = loop.run(load.updates)
            with Watch(model, optimizer, every=_NEVER) as watch:
                while not watch.seen.trained.full or watch.seen.step < 2:
                    loop.run(1)
                shares.append(loop.run(load.updates) / alone - 1 + SHARE)
        return Overhead(tuple(shares))
    finally:
        torch.set_num_threads(before)


class _Loop:
    """The loop that everybody writes."""

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor, t: torch.Tensor, batch: int
    ) -> None:
        self.model, self.optimizer, self.criterion = model, optimizer, nn.CrossEntropyLoss()
        self.batches = list(zip(x.split(batch), t.split(batch), strict=True))
        self.step = 0

    def run(self, steps: int) -> float:
        """Train, and return the seconds it took."""
        began = time.perf_counter()
        for _ in range(steps):
            x, t = self.batches[self.step % len(self.batches)]
            self.optimizer.zero_grad()
            self.criterion(self.model(x), t).backward()
            self.optimizer.step()
            self.step += 1
        return time.perf_counter() - began
