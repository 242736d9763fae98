"""By hand: updates that a program makes itself, without an optimizer, and a hold on their size.

Such an update is nearly always a rate times the gradient: the rate times f is the gradient times f.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from koubai.doctor.trials.grips import put
from koubai.doctor.watch.program.graph import leaves_among, reached, root_of
from koubai.doctor.watch.program.loose import lent, may_follow

_MOST = 20_000  # nodes of a graph
_PATIENCE = 4  # backward passes, after which a program that changed nothing makes no updates


class HandUpdates:
    """Learns whether a program without optimizer and module changes what its losses depend on: `made`.

    `tensors` are those that the first losses depend on, or what stands in their place: w = w - lr * g makes
    others in every update. `first` is always the same.
    """

    def __init__(self) -> None:
        self.made: bool | None = None
        self.tensors: list[torch.Tensor] = []
        self.first: torch.Tensor | None = None
        self._before: list[torch.Tensor] = []
        self._remade = False
        self._passes = 0

    def by_optimizer(self) -> None:
        """An optimizer makes them."""
        if self.made is None:
            self.made, self._before = False, []

    def passes(self, roots: Any) -> bool:
        """Take in what a backward pass begins at; return whether an update was made since the last one."""
        if self.made is None:
            self._remade = self._are_remade(roots)
            changed = self._remade or any(
                not torch.equal(w, b) for w, b in zip(self.tensors, self._before, strict=True)
            )
            self._passes += 1
            if changed or self._passes > _PATIENCE:
                self.made, self._before = changed, []
            else:
                self._take(roots)
        if self._remade and self.made:
            self.tensors = without_module(roots)
        return bool(self.made)

    def _are_remade(self, roots: Any) -> bool:
        """Whether a loss depends on tensors that stand in the place of those before."""
        known = {id(w) for w in self.tensors}
        leaves = without_module(roots)
        met = {id(w) for w in leaves}
        old, new = [w for w in self.tensors if id(w) not in met], [w for w in leaves if id(w) not in known]
        return bool(old and new) and may_follow(old, new)

    def _take(self, roots: Any) -> None:
        known = {id(w) for w in self.tensors}
        new = [w for w in without_module(roots) if id(w) not in known]
        self.tensors += new
        self._before += [w.detach().clone() for w in new]
        self.first = self.tensors[0] if self.tensors else None


def without_module(roots: Any) -> list[torch.Tensor]:
    """Return what a loss depends on, where none of it is a parameter of a module; else nothing."""
    root = root_of(roots)
    nodes, whole = ({}, False) if root is None else reached([root.grad_fn], _MOST)
    leaves = leaves_among(nodes) if whole else []
    return [] if any(isinstance(leaf, torch.nn.Parameter) for leaf in leaves) else leaves


@contextmanager
def around_gradients(
    updates: HandUpdates, change: Callable[[torch.Tensor, torch.Tensor | None], None]
) -> Iterator[None]:
    """Call `change(tensor, gradient before)` after every backward pass of a program that updates.

    Gradients that it asks for are changed as if they had been added to none.
    """
    original, asking = torch.autograd.backward, torch.autograd.grad

    def backward(*args: Any, **options: Any) -> Any:
        before = {id(w): w.grad.clone() for w in updates.tensors if w.grad is not None}
        made = updates.made
        result = original(*args, **options)
        for w in updates.tensors if made else ():
            if w.grad is not None:
                with torch.no_grad():
                    change(w, before.get(id(w)))
        return result

    def grad(outputs: Any, inputs: Any, *args: Any, **options: Any) -> Any:
        asked = [inputs] if isinstance(inputs, torch.Tensor) else list(inputs)
        result = asking(outputs, asked, *args, **options)
        known = {id(w) for w in updates.tensors} if updates.made else set()
        with lent(asked, result) as lenders, torch.no_grad():
            for w in lenders:
                if id(w) in known:
                    change(w, None)
        return result

    with put(torch.autograd, "backward", backward), put(torch.autograd, "grad", grad):
        yield
