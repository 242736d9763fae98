"""Pulls: which way two networks that compete push what one of them says of what the other makes.

The critic's updates push its answers to made-up samples one way, the generator's updates the other way. Where
both push the same way they do not compete: the sign of one objective is wrong.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

import torch

from koubai.doctor.watch.hooks.guard import on_gradient
from koubai.doctor.watch.program.nested import first_tensor

UPDATES = 60  # of all networks together, that are looked at
_FEWEST = 5  # updates of each network


class Pulls:
    """Takes the calls of a program's networks, and who makes the update after their backward pass."""

    def __init__(self) -> None:
        self._made: deque[tuple[int, torch.Tensor]] = deque(maxlen=8)  # who put it out; alive, so that
        self._open: list[tuple[int, int]] = []  # its place in memory is not taken: judge, sign
        self._signs: dict[tuple[int, int], Counter[int]] = {}  # by judge and updated network

    def called(self, network: int, args: tuple[Any, ...], output: Any) -> None:
        """Take in a call of a network, known by its identity."""
        if not isinstance(output, torch.Tensor):
            return
        given = first_tensor(args)
        maker = next((m for m, y in reversed(self._made) if given is not None and _shares(y, given)), network)
        one = output.ndim < 2 or output.shape[1] == 1
        if maker != network and output.requires_grad and one:
            on_gradient(output, self._receive, network)
        elif maker == network:
            self._made.append((network, output.detach()))

    def _receive(self, judge: int, gradient: torch.Tensor) -> None:
        low, high = float(gradient.min()), float(gradient.max())
        self._open.append((judge, 1 if low >= 0 < high else -1 if high <= 0 > low else 0))

    def stepped(self, network: int | None) -> None:
        """Give the gradients since the last update to the network that is updated."""
        taken, self._open = self._open, []
        if network is not None:
            for judge, sign in taken:
                self._signs.setdefault((judge, network), Counter())[sign] += 1

    @property
    def allied(self) -> bool:
        """Whether a network and its judge push the judge's answers the same way in all their updates."""
        for (judge, updated), signs in self._signs.items():
            own = self._signs.get((judge, judge), Counter())
            if updated != judge and len(signs) == 1 and signs.keys() == own.keys() and 0 not in signs:
                return min(signs.total(), own.total()) >= _FEWEST
        return False


def _shares(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors are the same numbers in the same memory."""
    return one.data_ptr() == other.data_ptr() and one.numel() == other.numel()
