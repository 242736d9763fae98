"""Meter: reads a program's losses and counts its updates, without knowing the program.

A loss is what is differentiated between two updates: the mean of it where several batches make one update.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import distributions

from koubai.doctor.trials.by_hand import HandUpdates
from koubai.doctor.trials.grips import OURS

_RIVAL = 0.2  # of the main optimizer's updates: another with fewer is of another phase, or has no say
_DRAWN_FROM: tuple[Any, ...] = (distributions.Categorical, distributions.Normal, distributions.Bernoulli)


class Meter:
    """Counts while it is in place.

    | field   | meaning                                                                          |
    |---------|----------------------------------------------------------------------------------|
    | losses  | losses by optimizer, in the order of first updates; one made again is the same    |
    | passes  | backward passes since the last update                                            |
    | cpu     | CPU seconds of this process since the meter was put in place                     |
    | cuda    | whether something was differentiated that is not on the CPU                      |
    | inner   | whether an optimizer computes the loss several times in one update               |
    | signed  | whether a loss was below 0                                                       |
    | constant_rate | whether no optimizer's rate has changed: there is no schedule to take away |
    | anywhere | whether losses are read that are not on the CPU: that waits for them                |
    | drawn   | how often the program drew from a distribution of its own, as policies do        |
    | hand    | updates that the program makes itself                                            |
    | on_loss | given what a backward pass begins at, if that is one tensor                      |
    | on_step | told after every update, with the number of the optimizer and of its update      |
    """

    def __init__(self, on_step: Callable[[int, int], None] | None = None) -> None:
        self.losses: list[list[float]] = []
        self.passes = 0
        self.cuda = self.signed = self.inner = False
        self.drawn = 0
        self.anywhere = False
        self.constant_rate = True
        self._rates: dict[int, float] = {}
        self.on_step = on_step
        self.on_loss: Callable[[Any], None] | None = None
        self.hand = HandUpdates()
        self._numbers: dict[int, int] = {}
        self._held: list[Any] = []  # kept alive, so that no other gets the same id
        self._values: list[float] = []
        self._since = time.process_time()
        self._draws: list[Any] = []

    @property
    def main(self) -> int:
        """The number of the optimizer with the most updates, the first among equals."""
        counts = [len(losses) for losses in self.losses]
        return counts.index(max(counts)) if counts else 0

    @property
    def steps(self) -> int:
        """Updates of the main optimizer."""
        return max((len(losses) for losses in self.losses), default=0)

    @property
    def speaks(self) -> bool:
        """Whether a lower loss means that the program does better.

        Not where several optimizers work against each other, not where the loss has no lower end, not where
        it is one of the program's own draws (policies): there it says nothing of the kind.
        """
        games = "gym" in sys.modules or "gymnasium" in sys.modules
        alone = sum(len(losses) > _RIVAL * self.steps for losses in self.losses) == 1
        return alone and not (self.signed or self.inner or games or 2 * self.drawn >= self.steps)

    @property
    def cpu(self) -> float:
        """CPU seconds spent since the meter was put in place."""
        return time.process_time() - self._since

    def begin_anew(self) -> None:
        """Count CPU time from here: a forked process has its own clock."""
        self._since = time.process_time()

    def __enter__(self) -> Meter:
        self.begin_anew()
        self._draws = [_count_draws(kind, self) for kind in _DRAWN_FROM]
        return self

    def __exit__(self, *exception: object) -> None:
        if self.hand.made and self.passes:  # nothing is differentiated after the last update
            self._count(self.hand.first)
        for kind, original in zip(_DRAWN_FROM, self._draws, strict=True):
            kind.sample = original

    def see(self, roots: Any) -> None:
        """Take what a backward pass begins at, if that is one number."""
        if self.hand.passes(roots):
            self._count(self.hand.first)
        self.passes += 1
        root = roots[0] if isinstance(roots, list | tuple) and len(roots) == 1 else roots
        if self.on_loss is not None and isinstance(root, torch.Tensor):
            self.on_loss(root)
        if isinstance(root, torch.Tensor) and root.numel() == 1:
            if root.is_cpu or self.anywhere:
                self._values.append(float(root.detach()))
                self.signed = self.signed or self._values[-1] < 0
            else:
                self.cuda = True

    def stepped(self, optimizer: Any) -> None:
        """Count an update."""
        if getattr(optimizer, OURS, False):
            return
        self.inner = self.inner or isinstance(optimizer, torch.optim.LBFGS)
        self.hand.by_optimizer()
        first, rate = optimizer.param_groups[0]["params"][0], float(optimizer.param_groups[0]["lr"])
        known = self._rates.setdefault(self._number(first), rate)
        self.constant_rate = self.constant_rate and known == rate
        self._count(first)

    def _number(self, first: Any) -> int:
        """Return the number of what makes updates, by the first of the tensors that it changes."""
        if id(first) not in self._numbers:
            self._numbers[id(first)] = len(self._held)
            self._held.append(first)
            self.losses.append([])
        return self._numbers[id(first)]

    def _count(self, first: Any) -> None:
        number = self._number(first)
        values, self._values, self.passes = self._values, [], 0
        self.losses[number].append(sum(values) / len(values) if values else float("nan"))
        if self.on_step is not None:
            self.on_step(number, len(self.losses[number]))


def _count_draws(kind: Any, meter: Meter) -> Any:
    """Count what is drawn from a kind of distribution; return its own method."""
    original = kind.sample

    @functools.wraps(original)
    def sample(self: Any, *args: Any, **options: Any) -> Any:
        meter.drawn += 1
        return original(self, *args, **options)

    kind.sample = sample
    return original
