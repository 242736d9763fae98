"""Duels: which of a program's networks tells real from made-up, and the losses of both sides.

A network hears the backward passes of the other, too (the generator's go through the discriminator): so what
an update descended is asked of the program as a whole, between two updates of any optimizer.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import log
from typing import Any

import numpy as np
import torch

from koubai.core.params import Array
from koubai.doctor.patient.duel import Duel
from koubai.doctor.watch.program.models import first_of
from koubai.doctor.watch.seen.record import value_of
from koubai.doctor.watch.seen.seen import Seen

_MOST = 100_000  # losses that are kept
_ENTROPIES = ("binary_cross_entropy", "binary_cross_entropy_with_logits")


class Ledger:
    """What each optimizer's updates descended: the mean of what was differentiated since the last update."""

    def __init__(self) -> None:
        self._open: list[Any] = []
        self._losses: dict[int, list[Any]] = {}  # by the first parameter: an optimizer may be made again
        self._kept: list[Any] = []  # these parameters, alive, so that no other gets the same id
        self._spans: dict[int, tuple[int, int]] = {}  # first and last update, of all that were made
        self._count = self._updates = 0

    def differentiated(self, roots: Any) -> None:
        """Take what a backward pass begins at."""
        root = roots[0] if isinstance(roots, list | tuple) and len(roots) == 1 else roots
        if isinstance(root, torch.Tensor) and root.numel() == 1 and self._count < _MOST:
            self._open.append(value_of(root))
            self._count += 1

    def stepped(self, optimizer: Any) -> None:
        """Give it to the optimizer that makes the update."""
        taken, self._open = self._open, []
        first = first_of(optimizer)
        self._updates += 1
        if first is None:
            return
        if id(first) not in self._spans:
            self._kept.append(first)
        self._spans[id(first)] = self._spans.get(id(first), (self._updates, 0))[0], self._updates
        if taken:
            self._losses.setdefault(id(first), []).append(taken)

    def apart(self, ones: Iterable[Any], others: Iterable[Any]) -> bool:
        """Whether the updates of some optimizers were over before the first of others was made."""
        one, other = self._span(ones), self._span(others)
        return one is not None and other is not None and (one[1] < other[0] or other[1] < one[0])

    def _span(self, optimizers: Iterable[Any]) -> tuple[int, int] | None:
        found = [self._spans[key] for key in map(id, map(first_of, optimizers)) if key in self._spans]
        return (min(a for a, _ in found), max(b for _, b in found)) if found else None

    def of(self, optimizers: Iterable[Any]) -> Array:
        """Return the losses of these optimizers' updates."""
        found = [taken for first in map(first_of, optimizers) for taken in self._losses.get(id(first), [])]
        return np.array([sum(float(value) for value in taken) / len(taken) for taken in found])


def duel_of(all_seen: list[Seen], ledger: Ledger) -> Duel | None:
    """Return the duel of a program's two networks; None where they have none that is understood."""
    judges = [seen for seen in all_seen if _judges(seen)]
    if len(judges) > 1:  # the other hears the discriminator's losses, of which none is of its own outputs
        judges = [seen for seen in judges if seen.loss.rule is not None]
    others = [seen for seen in all_seen if seen not in judges and seen.step]
    if len(judges) != 1 or len(others) != 1 or not judges[0].duel:
        return None
    own, made = ledger.of(judges[0].optimizers), ledger.of(others[0].optimizers)
    if min(len(own), len(made)) < 2:
        return None
    return Duel(own, made, log(2))


def _judges(seen: Seen) -> bool:
    """Whether a network is told real from made-up: ones and zeros, each alone in its batch."""
    if seen.loss.call[0] not in _ENTROPIES or not seen.loss.targets:
        return False
    alone = {float(t.float().mean()) for t in seen.loss.targets if t.unique().numel() == 1}
    return len(alone) == 2 and max(alone) > 0.5 > min(alone)
