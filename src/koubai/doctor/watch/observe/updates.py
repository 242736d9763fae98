"""Updates: which optimizers change the model, and which of their updates count as its steps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from weakref import ref

import torch

from koubai.doctor.watch.program.models import hands_over
from koubai.doctor.watch.program.walk import parameters_of, state_of
from koubai.doctor.watch.seen.rise import given_rate
from koubai.doctor.watch.seen.seen import Seen

_OFTEN = 32  # backward passes


class Updates:
    """The optimizers of one model: the first counts the steps, one made later may take its place."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._others: list[Any] = []  # optimizers that do not count the steps, weakly held
        self._given = bool(seen.optimizers)
        self._rate: Any = None  # of the latest update
        self._under_way = False  # whether an optimizer is making an update

    def begins(self) -> None:
        """An optimizer begins an update: what changes until its end is not the program's own doing."""
        self._under_way = True

    def made_by_hand(self) -> bool:
        """Whether the program itself, without an optimizer, has changed parameters since the last update."""
        seen = self._seen
        if seen.hand is False or seen.start is None or not seen.loop.passes or self._under_way:
            return False
        if seen.hand is None:
            if not in_turn(seen.loop.passes):
                return False
            now = state_of(seen.root)
            moved = any(not torch.equal(now[n], w) for n, w in seen.start.items() if n in now and _real(w))
            if not moved or seen.step:
                return False
            seen.hand = True
        return True

    def counts(self, optimizer: Any, *, differentiated: bool) -> bool:
        """Whether an update is one of those that count the steps.

        None stands for the program itself; `differentiated` says whether a loss was, since the last step.
        """
        if optimizer is None:
            return True
        seen, self._under_way = self._seen, False
        main = seen.optimizers[0] if seen.optimizers else None
        if optimizer is main or (main is None and self.concerns(optimizer)):
            seen.hand = False
            return True
        if self._replaces(optimizer, main, differentiated=differentiated):
            seen.optimizers[0] = optimizer
            seen.made += 1
            return True
        if not (seen.step or self._given) and seen.hand is None:
            seen.loop.stranger = seen.loop.stranger or not self.has_own(optimizer)
        return False

    def knows(self, optimizer: Any) -> bool:
        """Whether an optimizer is one of those that do not count the steps."""
        return any(optimizer is known() for known in self._others)

    def _replaces(self, optimizer: Any, main: Any, *, differentiated: bool) -> bool:
        """Whether an optimizer that was never seen before takes the place of the main one."""
        if main is None or self.knows(optimizer):
            return False
        held = {id(p) for p in hands_over(main)}
        takes = any(id(p) in held for p in hands_over(optimizer)) and differentiated
        self._others = [*self._others, ref(main if takes else optimizer)][-8:]
        return takes

    def take(self, optimizer: Any, *, fresh: bool | None) -> None:
        """Take in an update that counts, and whether its gradients began at 0; None: that was not asked."""
        seen = self._seen
        if not seen.step:
            seen.loop.stranger = optimizer is not None and not self.has_own(optimizer)
        seen.step += 1
        seen.note_place("update")
        seen.loop.update(seen.step, fresh)
        if optimizer is not None:
            self.take_rate(optimizer)

    def take_rate(self, optimizer: Any) -> None:
        """Take in the rate of the latest update; where it is that of the update before, nothing changes."""
        given = optimizer.param_groups[0]["lr"]
        if given is self._rate and type(given) is float:  # a tensor may change and stay the same
            return
        self._rate, rate = given, float(given)
        self._seen.rates.add(rate)
        self._seen.loop.rate(self._seen.step, rate, given_rate(optimizer))

    def concerns(self, optimizer: Any) -> bool:
        """Whether an optimizer is one of the model's; the first that changes it becomes so."""
        seen = self._seen
        if any(optimizer is own for own in seen.optimizers):
            return True
        if not seen.optimizers and self.has_own(optimizer):
            seen.optimizers = [optimizer]
            return True
        return False

    def has_own(self, optimizer: Any) -> bool:
        """Whether an optimizer changes a parameter of the model."""
        return any(id(p) in self._seen.names.params for p in hands_over(optimizer))

    def parameters(self) -> Iterable[torch.Tensor]:
        """The parameters whose updates count the steps: others may be reset at other times, or never."""
        seen = self._seen
        if not seen.optimizers:
            start = seen.start if seen.hand and seen.step and seen.start else {}
            known = parameters_of(seen.root)
            return [p for name, p in known if name not in start or not torch.equal(start[name], p)]
        return [p for p in hands_over(seen.optimizers[0]) if id(p) in seen.names.params]


def in_turn(count: int) -> bool:
    """Whether to ask once more what was asked in vain: each of the first times, then ever more seldom."""
    return count <= _OFTEN or count & (count - 1) == 0


def _real(w: torch.Tensor) -> bool:
    return w.is_floating_point() or w.is_complex()
