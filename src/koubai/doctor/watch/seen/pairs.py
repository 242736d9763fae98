"""Pairs: which of two inputs a loss pulls together, and which apart, by what the network makes of them.

Contrastive losses take distances between two answers of one network. The gradient of a distance tells whether
the pair is pulled together or pushed apart; the inputs themselves tell which pairs are alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from koubai.doctor.watch.hooks.guard import on_gradient
from koubai.doctor.watch.program.graph import root_of
from koubai.doctor.watch.program.nested import first_tensor

LOOKS = 12  # updates that are looked at
_MOST = 300  # nodes of the graph above the network's answers
_ROWS = 100  # pairs of either kind that are wanted
_SURELY = 5.0  # standard errors
_CLEARLY = 0.3  # of the deviation of the distances in a batch


class Pairs:
    """Takes the calls and the losses of the first updates."""

    def __init__(self) -> None:
        self._calls: dict[Any, tuple[int, torch.Tensor, torch.Tensor]] = {}  # by the node of the answer
        self._far: list[tuple[np.ndarray, np.ndarray]] = []  # of each batch: distances, 1 pulled or -1 pushed

    def called(self, network: int, args: tuple[Any, ...], output: Any) -> None:
        """Take in a call of a network or of a part of it."""
        x = first_tensor(args)
        rows = isinstance(output, torch.Tensor) and output.ndim == 2 and output.grad_fn is not None
        if rows and x is not None and x.ndim > 1 and x.is_floating_point() and len(x) == len(output):
            self._calls.setdefault(output.grad_fn, (network, x.detach(), output.detach()))

    def differentiated(self, roots: Any) -> None:
        """Listen to the gradients of differences between answers to two calls."""
        root = root_of(roots)
        calls, self._calls = self._calls, {}
        if len(calls) < 2 or root is None:
            return
        for node, one, other in _differences(root.grad_fn, calls):
            far = (one[1] - other[1]).flatten(1).double().norm(dim=1).numpy()
            if far.std() > 0:
                on_gradient(node, self._receive, far, one[2] - other[2])

    def _receive(self, far: np.ndarray, apart: torch.Tensor, inputs: Any, gradients: Any) -> None:
        gradient = gradients[0]
        if isinstance(gradient, torch.Tensor) and gradient.shape == apart.shape:
            pull = (gradient * apart).float().sum(1).sign().cpu().numpy()
            self._far.append((far, pull))

    @property
    def any(self) -> bool:
        """Whether there were differences between two answers."""
        return bool(self._far)

    @property
    def swapped(self) -> bool:
        """Whether the pairs that are pulled together are less alike than those that are pushed apart."""
        return self._more > 0

    @property
    def open(self) -> bool:
        """Whether there were differences, and the inputs do not tell which pairs are alike."""
        return self.any and self._more == 0

    @property
    def _more(self) -> float:
        """How much farther apart inputs are that are pulled together, in deviations; 0: not sure."""
        if not self._far:
            return 0.0
        far, pull = (np.concatenate(parts) for parts in zip(*self._far, strict=True))
        pulled, pushed = far[pull > 0], far[pull < 0]
        if min(len(pulled), len(pushed)) < _ROWS:
            return 0.0
        error = float(np.sqrt(pulled.var() / len(pulled) + pushed.var() / len(pushed)))
        more = float(pulled.mean() - pushed.mean())
        sure = abs(more) > _SURELY * error and (more < 0 or more > _CLEARLY * float(far.std()))
        return more / float(far.std()) if sure else 0.0


def _differences(root: Any, calls: dict[Any, Any]) -> Iterator[tuple[Any, Any, Any]]:
    """Yield each node that subtracts an answer from that to another call, with both calls."""
    waiting, seen = [root], {root}
    while waiting and len(seen) < _MOST:
        node = waiting.pop()
        behind = [below for below, _ in node.next_functions]
        if node.name() == "SubBackward0" and len(behind) == 2 and all(below in calls for below in behind):
            one, other = (calls[below] for below in behind)
            if one[0] == other[0] and one[1].shape == other[1].shape and behind[0] is not behind[1]:
                yield node, one, other
            continue
        for below in behind:
            if below is not None and below not in seen and below not in calls:
                seen.add(below)
                waiting.append(below)
