"""Penalties by hand: summands of the loss that are made of parameters alone, and how hard they pull.

Weight decay of an optimizer has a number that can be read. Where a program adds a sum of |w| or of w^2 to its
loss, the gradient of that sum is taken in the backward pass, where it arrives at each parameter; what is left
of the whole gradient is that of the data.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import Any

import torch
from torch import nn

from koubai.doctor.patient.run_facts import Pull
from koubai.doctor.watch.hooks.guard import on_gradient
from koubai.doctor.watch.program.graph import behind, leaves_among, reached, root_of
from koubai.doctor.watch.program.models import have_gradients
from koubai.doctor.watch.program.walk import parameters_of

_SIZES = (
    "AbsBackward0", "PowBackward0", "LinalgVectorNormBackward0", "NormBackward0", "NormBackward1",
)  # fmt: skip
_AROUND = frozenset((
    "AddBackward0", "AliasBackward0", "CatBackward0", "CloneBackward0", "DivBackward0", "MeanBackward0",
    "MeanBackward1", "MulBackward0", "NegBackward0", "PermuteBackward0", "ReshapeAliasBackward0",
    "SqrtBackward0", "SqueezeBackward0", "StackBackward0", "SumBackward0", "SumBackward1", "TBackward0",
    "UnsafeViewBackward0", "UnsqueezeBackward0", "ViewBackward0", "AccumulateGrad",
    "torch::autograd::AccumulateGrad",
))  # fmt: skip
_MOST = 5000  # nodes of a graph
_FIRST = 3  # updates before each of which is looked; then at each power of 2
_VAIN = 3  # looks in vain, after which is looked no more


class Penalties:
    """Looks at the graph of the loss, now and then; `pulls` holds what was measured."""

    def __init__(self) -> None:
        self.pulls: list[Pull] = []
        self._vain = 0
        self._open: tuple[int, dict[int, tuple[torch.Tensor, torch.Tensor | None]]] | None = None

    def look(self, roots: Any, step: int, model: nn.Module) -> None:
        """Look at what is differentiated in the step after `step` updates."""
        self._open = None
        due = step < _FIRST or step & (step - 1) == 0
        if not due or self._vain >= _VAIN or (root := root_of(roots)) is None:
            return
        summands = list(_summands(root.grad_fn))
        parts = [node for node in summands if _of_parameters(node)]
        self._vain += not parts
        if len(parts) in (0, len(summands)) or have_gradients(p for _, p in parameters_of(model)):
            return
        found: dict[int, tuple[torch.Tensor, torch.Tensor | None]] = {}
        self._open = step, found
        for node in reached(parts, _MOST)[0]:
            into = [getattr(below, "variable", None) for below, _ in node.next_functions]
            if any(p is not None for p in into):
                on_gradient(node, _take, found, into)  # without the node: it would hold itself

    def measure(self, model: nn.Module) -> None:
        """Take the gradients after the backward pass."""
        if self._open is None:
            return
        (step, found), self._open = self._open, None
        penalty = data = product = 0.0
        for _, p in parameters_of(model):
            if p.grad is None or p.grad.layout is not torch.strided:
                continue
            taken = found.get(id(p), (p, None))[1]
            pulled = torch.zeros_like(p.grad) if taken is None else taken
            rest = p.grad.detach() - pulled
            penalty += float(pulled.square().sum())
            data += float(rest.square().sum())
            product += float((pulled * rest).sum())
        if penalty:
            self.pulls.append(Pull(step, sqrt(penalty), sqrt(data), product / sqrt(penalty * data or 1.0)))


def _take(found: dict[int, Any], into: list[torch.Tensor | None], inside: Any, _: Any) -> None:
    """Add the gradients that a node hands to parameters."""
    for p, gradient in zip(into, inside, strict=False):
        if gradient is not None and p is not None:
            before = found.get(id(p), (p, None))[1]
            found[id(p)] = p, gradient.detach().clone() if before is None else before + gradient.detach()


def _summands(root: Any) -> Iterator[Any]:
    """Yield the nodes below the additions of a loss."""
    waiting, seen = [root], 0
    while waiting and seen < _MOST:
        node = waiting.pop()
        seen += 1
        if node.name() in ("AddBackward0", "SubBackward0"):
            waiting += behind(node)
        else:
            yield node


def _of_parameters(node: Any) -> bool:
    """Whether a summand is a size of parameters and nothing else: no data can have gone into it."""
    nodes, whole = reached([node], _MOST)
    leaves = leaves_among(nodes)
    if not whole or not leaves or not all(isinstance(w, nn.Parameter) for w in leaves):
        return False
    return all(map(_is_part, nodes)) and any(each.name() in _SIZES or _squares(each) for each in nodes)


def _is_part(node: Any) -> bool:
    """Whether a node belongs to a size: it sums, or multiplies by a number, not by tensors of data."""
    if node.name() in _SIZES:
        return True
    if node.name() not in _AROUND:
        return False
    if node.name() not in ("MulBackward0", "DivBackward0") or len(behind(node)) != 1:
        return True
    others = (getattr(node, name, None) for name in ("_saved_other", "_saved_self"))
    return all(not isinstance(w, torch.Tensor) or w.requires_grad or w.numel() == 1 for w in others)


def _squares(node: Any) -> bool:
    """Whether a node multiplies a tensor by itself."""
    below = [each for each, _ in node.next_functions]
    return node.name() == "MulBackward0" and len(below) == 2 and below[0] is below[1] is not None
