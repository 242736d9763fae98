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

_MOST = 20_000  # nodes of a graph
_PATIENCE = 4  # backward passes, after which a program that changed nothing makes no updates


class HandUpdates:
    """Learns whether a program without optimizer and module changes what its losses depend on: `made`.

    `tensors` are those that the first losses depend on.
    """

    def __init__(self) -> None:
        self.made: bool | None = None
        self.tensors: list[torch.Tensor] = []
        self._before: list[torch.Tensor] = []
        self._passes = 0

    def by_optimizer(self) -> None:
        """An optimizer makes them."""
        if self.made is None:
            self.made, self._before = False, []

    def passes(self, roots: Any) -> bool:
        """Take in what a backward pass begins at; return whether an update was made since the last one."""
        if self.made is None:
            changed = any(not torch.equal(w, b) for w, b in zip(self.tensors, self._before, strict=True))
            self._passes += 1
            if changed or self._passes > _PATIENCE:
                self.made, self._before = changed, []
            else:
                self._take(roots)
        return bool(self.made)

    def _take(self, roots: Any) -> None:
        known = {id(w) for w in self.tensors}
        new = [w for w in without_module(roots) if id(w) not in known]
        self.tensors += new
        self._before += [w.detach().clone() for w in new]


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
    """Call `change(tensor, gradient before)` after every backward pass of a program that updates."""
    original = torch.autograd.backward

    def backward(*args: Any, **options: Any) -> Any:
        before = [None if w.grad is None else w.grad.clone() for w in updates.tensors] if updates.made else []
        result = original(*args, **options)
        for w, gradient in zip(updates.tensors, before, strict=False):
            if w.grad is not None:
                with torch.no_grad():
                    change(w, gradient)
        return result

    with put(torch.autograd, "backward", backward):
        yield
