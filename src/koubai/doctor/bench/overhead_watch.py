"""What `koubai.watch` costs a PyTorch training step.

Between looks a watch only listens; that is timed. Looks are spaced so that they take `pace.SHARE` of the
time (after the first two), and this share is added: what is told is the whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import nn

from koubai.doctor.bench.overhead import Load, Overhead
from koubai.doctor.watch.pace import SHARE
from koubai.doctor.watch.watcher import Watch

_NEVER = 10**9


def _mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(784, 40), nn.Sigmoid(), nn.Linear(40, 20), nn.Sigmoid(), nn.Linear(20, 10))


def _deep_convnet() -> nn.Module:
    layers: list[nn.Module] = []
    before = 1
    for channels, paddings in ((16, (1, 1)), (32, (1, 2)), (64, (1, 1))):
        for padding in paddings:
            layers += [nn.Conv2d(before, channels, 3, padding=padding), nn.ReLU()]
            before = channels
        layers.append(nn.MaxPool2d(2))
    head = (nn.LazyLinear(50), nn.ReLU(), nn.Dropout(0.5), nn.Linear(50, 10), nn.Dropout(0.5))
    return nn.Sequential(*layers, nn.Flatten(), *head)


def _alexnet() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 96, 11, stride=4), nn.ReLU(), nn.LocalResponseNorm(5), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), nn.LocalResponseNorm(5), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(256, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Flatten()),
        *(nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(0.5)),
        *(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4096, 10)),
    )


_MODELS: dict[str, Callable[[], nn.Module]] = {
    "mlp": _mlp,
    "deep_convnet": _deep_convnet,
    "alexnet": _alexnet,
}
_OPTIMIZERS: dict[str, Callable[[nn.Module], torch.optim.Optimizer]] = {
    "mlp": lambda model: torch.optim.SGD(model.parameters(), 0.1),
    "deep_convnet": lambda model: torch.optim.Adam(model.parameters()),
    "alexnet": lambda model: torch.optim.SGD(model.parameters(), 0.001, momentum=0.9),
}


def watch_overhead(load: Load, threads: int = 1) -> Overhead:
    """Time alternating stretches of an ordinary training loop, plain and watched."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        data = load.recipe().data.load(None)
        x, t = torch.from_numpy(data.x_train.copy()), torch.from_numpy(data.t_train.copy())
        model = _MODELS[load.name]()
        model(x[:2])  # gives lazy layers their shape
        optimizer = _OPTIMIZERS[load.name](model)
        loop = _Loop(model, optimizer, x, t, load.batch_size)
        loop.run(load.stretch)
        shares = []
        for _ in range(load.rounds):
            alone = loop.run(load.stretch)
            with Watch(model, optimizer, every=_NEVER) as watch:
                while not watch.memory.full or watch.step < 2:
                    loop.run(1)
                shares.append(loop.run(load.stretch) / alone - 1 + SHARE)
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
