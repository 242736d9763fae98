"""Terms: the summands of what is differentiated, and whether each of them reaches what is trained."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any

import torch
from torch import nn

_SUMS = ("AddBackward0", "SubBackward0")
_FACTORS = ("MulBackward0", "DivBackward0", "NegBackward0", "MeanBackward0", "SumBackward0")
_MOST = 20_000  # nodes of a graph
_LOOKS = (2, 6)  # updates before which is looked


class CutTerms:
    """Looks for summands that depend only on tensors which nobody trains.

    `found` says so after two looks: such a term changes no parameter, and what it depends on is made new in
    each step or stays as it is. (What is trained beside the model, such as codes or disturbances, changes.)
    """

    def __init__(self) -> None:
        self.found = False
        self._before: list[tuple[torch.Tensor, int]] | None = None

    def look(self, roots: Any, step: int, trained: Container[int]) -> None:
        """Look at what is differentiated in the step after `step` updates."""
        root = roots[0] if isinstance(roots, list | tuple) and roots else roots
        if step not in _LOOKS or not isinstance(root, torch.Tensor) or root.grad_fn is None:
            return
        reached = [_leaves(term) for term in _terms(root.grad_fn)]
        learned = [any(id(leaf) in trained for leaf in leaves) for leaves in reached]
        cut = [
            leaf
            for leaves in reached
            if leaves and not any(isinstance(leaf, nn.Parameter) for leaf in leaves)
            for leaf in leaves
        ]
        if step == _LOOKS[0]:
            self._before = [(leaf, leaf._version) for leaf in cut] if any(learned) else None
        elif self._before and cut and any(learned):
            changed = [then for then, version in self._before if then._version != version]
            self.found = not any(leaf is then for leaf in cut for then in changed)
        if step == _LOOKS[-1]:
            self._before = None


def _terms(node: Any) -> Iterator[Any]:
    """Yield the summands below a node; factors that need no gradient are looked through."""
    behind = [below for below, _ in node.next_functions if below is not None]
    if node.name() in _SUMS or (node.name() in _FACTORS and len(behind) == 1):
        for below in behind:
            yield from _terms(below)
    else:
        yield node


def _leaves(node: Any) -> list[torch.Tensor]:
    """Return the tensors at which a graph begins; none where it is too large."""
    seen, waiting, leaves = {node}, [node], []
    while waiting and len(seen) < _MOST:
        node = waiting.pop()
        if hasattr(node, "variable"):
            leaves.append(node.variable)
        for below, _ in node.next_functions:
            if below is not None and below not in seen:
                seen.add(below)
                waiting.append(below)
    return [] if waiting else leaves
