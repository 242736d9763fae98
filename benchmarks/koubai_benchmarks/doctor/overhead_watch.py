"""What `koubai.watch` costs a PyTorch training: small loops of seven kinds, in processes of their own.

    koubai doctor bench overhead
    python -m koubai_benchmarks.doctor.overhead_watch [--pairs N] [--folder] [LOOP ...]

A pair is the same training alone and watched, one right after the other, which of them first in turn. What is
compared is the processor time of its steps: looks and the first steps are in it, the verdict at the end is
not.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

import koubai
from koubai.doctor.watch.watcher import Watch
from koubai_benchmarks.doctor.overhead import Overhead

_ALONE, _WATCHED, _WRITTEN = "alone", "watched", "written"


@dataclass(frozen=True)
class Training:
    """A model with its optimizer, and what makes one step of it."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    step: Callable[[int], Any]


def _classes(model: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor, batches: int) -> Training:
    """Return the loop that everybody writes, of ten classes."""
    t = torch.randint(0, 10, (len(x),))
    parts = list(zip(x.chunk(batches), t.chunk(batches), strict=True))

    def step(i: int) -> None:
        x, t = parts[i % batches]
        optimizer.zero_grad()
        functional.cross_entropy(model(x), t).backward()
        optimizer.step()

    return Training(model, optimizer, step)


def _mlp(*widths: int) -> nn.Sequential:
    layers = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def mlp() -> Training:
    """A small MLP."""
    model = _mlp(64, 64, 64, 10)
    return _classes(model, torch.optim.SGD(model.parameters(), 0.05, 0.9), torch.randn(2048, 64), 64)


def wide_mlp() -> Training:
    """An MLP of medium size."""
    model = _mlp(256, 384, 384, 10)
    return _classes(model, torch.optim.Adam(model.parameters(), 1e-3), torch.randn(2560, 256), 20)


def convnet() -> Training:
    """A small convnet."""
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10),
    )  # fmt: skip
    return _classes(model, torch.optim.Adam(model.parameters(), 1e-3), torch.randn(640, 1, 16, 16), 20)


class _Steps(nn.Module):
    """An LSTM that calls its cell once for each of twelve inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.LSTMCell(8, 32), nn.Linear(32, 10)

    def forward(self, x: torch.Tensor) -> Any:
        state: Any = None
        for part in x.unbind(1):
            state = self.cell(part, state)
        return self.head(state[0])


def lstm() -> Training:
    """An LSTM, step by step."""
    model = _Steps()
    return _classes(model, torch.optim.Adam(model.parameters(), 1e-3), torch.randn(640, 12, 8), 20)


def policy() -> Training:
    """A policy that is asked thirty times for an update."""
    model = _mlp(4, 32, 2)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)

    def step(i: int) -> None:
        state, told = torch.zeros(4), []
        for _ in range(30):
            chosen = torch.distributions.Categorical(logits=model(state))
            action = chosen.sample()
            told.append(chosen.log_prob(action))
            state = 0.9 * state + 0.1 * action - 0.05
        optimizer.zero_grad()
        (-torch.stack(told) * torch.randn(30)).sum().backward()
        optimizer.step()

    return Training(model, optimizer, step)


def lbfgs() -> Training:
    """L-BFGS: twenty passes for an update, in a closure."""
    model = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, history_size=10)

    def step(i: int) -> None:
        x = torch.rand(256, 2)  # drawn again, so that no step has nothing left to do
        t = torch.sin(6 * x[:, :1]) * x[:, 1:]

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = functional.mse_loss(model(x), t)
            loss.backward()
            return loss

        optimizer.step(closure)

    return Training(model, optimizer, step)


def accumulation() -> Training:
    """Gradients of four batches for an update."""
    model = _mlp(64, 64, 64, 10)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    x, t = torch.randn(2048, 64), torch.randint(0, 10, (2048,))
    parts = list(zip(x.chunk(64), t.chunk(64), strict=True))

    def step(i: int) -> None:
        for x, t in parts[i % 16 * 4 : i % 16 * 4 + 4]:
            (functional.cross_entropy(model(x), t) / 4).backward()
        optimizer.step()
        optimizer.zero_grad()

    return Training(model, optimizer, step)


LOOPS: dict[str, tuple[Callable[[], Training], int]] = {
    "mlp": (mlp, 6000),
    "wide_mlp": (wide_mlp, 1000),
    "convnet": (convnet, 2000),
    "lstm": (lstm, 1200),
    "policy": (policy, 500),
    "lbfgs": (lbfgs, 150),
    "accumulation": (accumulation, 1500),
}
"""By name: what makes a training, and how many steps are timed: two seconds or so."""


def watch_overhead(name: str, steps: int | None = None, pairs: int = 7, *, folder: bool = False) -> Overhead:
    """Time pairs of a loop; `folder` has the watched one written down, too."""
    steps = LOOPS[name][1] if steps is None else steps
    shares = []
    for i in range(pairs):
        spent = {}
        for how in (_ALONE, _WATCHED)[:: 1 if i % 2 else -1]:
            seen = _WRITTEN if folder and how == _WATCHED else how
            spent[how] = _in_a_process(name, seen, steps)
        shares.append(spent[_WATCHED] / spent[_ALONE] - 1)
    return Overhead(tuple(shares))


def _in_a_process(name: str, how: str, steps: int) -> float:
    """Return the processor seconds of one training, on one thread."""
    paths = [
        str(Path(file).resolve().parents[above]) for file, above in ((koubai.__file__, 1), (__file__, 2))
    ]
    command = [sys.executable, "-m", "koubai_benchmarks.doctor.overhead_watch", "--run", how]
    done = subprocess.run(
        [*command, "--steps", str(steps), name],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)},
    )
    return float(done.stdout)


def run(name: str, how: str, steps: int) -> float:
    """Train in this process; return the processor seconds of the steps."""
    torch.manual_seed(0)
    training = LOOPS[name][0]()
    with tempfile.TemporaryDirectory() as there:
        folder = Path(there) / "run" if how == _WRITTEN else None
        watch: Any = nullcontext()
        if how != _ALONE:
            watch = Watch(training.model, training.optimizer, budget=0, folder=folder)
        with watch:
            began = time.process_time()
            for i in range(steps):
                training.step(i)
            spent = time.process_time() - began
    return spent


def _main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("loops", nargs="*", metavar="LOOP", help=", ".join(LOOPS))
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--folder", action="store_true", help="have the watched one written down, too")
    parser.add_argument("--run", choices=(_ALONE, _WATCHED, _WRITTEN), help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    names = given.loops or list(LOOPS)
    if given.run is not None:
        print(run(names[0], given.run, given.steps or LOOPS[names[0]][1]))
        return
    for name in names:
        found = watch_overhead(name, given.steps, given.pairs, folder=given.folder)
        shares = sorted(found.shares)
        ends = f"{shares[0]:+.1%} to {shares[-1]:+.1%}, {len(shares)} pairs"
        print(f"{name:14} {found.to_dict()['value']:+.1%} ({ends})", flush=True)


if __name__ == "__main__":
    _main()
