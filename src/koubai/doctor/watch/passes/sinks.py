"""Sinks: summands of what is differentiated that have no lower bound, found in the graph of the loss.

A square, a distance, an exponential or a cross-entropy is at least 0 and may grow without end: with a minus
before it, it is a reward for errors. The logarithm of a probability is at most 0: without a minus it is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from koubai.doctor.watch.program.graph import LOOKS, behind, leaves_among, reached, root_of

_MOST = 2000  # nodes of the sums
SAME = frozenset((
    "AliasBackward0", "CatBackward0", "CloneBackward0", "DiagonalBackward0", "ExpandBackward0",
    "GatherBackward0", "IndexBackward0", "IndexSelectBackward0", "MeanBackward0", "MeanBackward1",
    "NansumBackward0", "PermuteBackward0", "ReshapeAliasBackward0", "SelectBackward0", "SliceBackward0",
    "SqueezeBackward0", "SqueezeBackward1", "StackBackward0", "SumBackward0", "SumBackward1",
    "TBackward0", "ToCopyBackward0", "TransposeBackward0", "UnsafeViewBackward0", "UnsqueezeBackward0",
    "ViewBackward0",
))  # fmt: skip
SUMS = ("AddBackward0", "SubBackward0", "RsubBackward1")
# log(p + 1e-8), and the like
_ROUND = ("AddBackward0", "DivBackward0", "ClampBackward0", "ClampBackward1", "ClampMinBackward0")
_GROWING = (
    "MseLossBackward", "NllLossBackward", "NllLoss2DBackward", "BinaryCrossEntropy", "AbsBackward",
    "ExpBackward", "SmoothL1Loss", "HuberLoss", "LinalgVectorNorm", "NormBackward", "CtcLoss",
    "CdistBackward",
)  # fmt: skip
_FALLING = ("LogSoftmaxBackward", "LogSigmoidBackward")
_COMPARING = ("MseLossBackward", "SmoothL1Loss", "HuberLoss")
_LARGEST = ("MaxBackward0", "AmaxBackward0")
_PICKS = frozenset(("GatherBackward0", "IndexBackward0"))
_DEEP = 12  # nodes
_PROBABILITIES = ("SoftmaxBackward0", "SigmoidBackward0")


class Sinks:
    """Looks at the summands of the loss at the first updates.

    | field  | meaning                                                                               |
    |--------|---------------------------------------------------------------------------------------|
    | found  | operations of those without a lower bound, where every look has found some            |
    | weighed | whether log-probabilities are weighed there without a minus, by numbers of any sign: |
    |        | right for costs, wrong for rewards                                                    |
    | chased | whether an answer is compared with r + discount * the largest of other answers, and    |
    |        | these have a gradient, too                                                            |
    """

    def __init__(self) -> None:
        self.found: tuple[str, ...] = ()
        self.weighed = self.chased = False

    def look(self, roots: Any, step: int) -> None:
        """Look at what is differentiated in the step after `step` updates."""
        if step not in LOOKS or (root := root_of(roots)) is None:
            return
        found = sinks_of(root)
        self.chased = self.chased or any(_chases(node) for node, _ in summands(root.grad_fn))
        self.weighed = self.weighed or any(_weighs(*part) for part in summands(root.grad_fn))
        self.found = found if step == LOOKS[0] else tuple(name for name in self.found if name in found)


def sinks_of(root: torch.Tensor) -> tuple[str, ...]:
    """Return the operations of the summands of a number that have no lower bound.

    >>> w = torch.ones(3, requires_grad=True)
    >>> sinks_of(w.sum() - w.pow(2).mean()), sinks_of(w.pow(2).mean() - w.sum())
    (('PowBackward0',), ())
    """
    found = dict.fromkeys(node.name() for node, sign in summands(root.grad_fn) if _sinks(node, sign))
    return tuple(found)


def summands(root: Any) -> Iterator[tuple[Any, int]]:
    """Yield the nodes below sums and factors that are known, each with the sign that it is added with."""
    waiting, seen = [(root, 1)], 0
    while waiting and seen < _MOST:
        node, sign = waiting.pop()
        seen += 1
        below = _parts(node, sign)
        if below is None:
            yield node, sign
        else:
            waiting += below


def _parts(node: Any, sign: int) -> list[tuple[Any, int]] | None:
    """Return what a node adds up, with signs; None where it does something else."""
    name = node.name()
    edges = [below for below, _ in node.next_functions]
    if name in SAME:
        signs = [sign] * len(edges)
    elif name == "NegBackward0":
        signs = [-sign]
    elif name in SUMS and not normalizes(node):
        alpha = getattr(node, "_saved_alpha", 1) or 1
        second = (sign if alpha > 0 else -sign) * (1 if name == "AddBackward0" else -1)
        signs = [second] if name == "RsubBackward1" else [sign, second]
    elif name in ("MulBackward0", "DivBackward0") and len(behind(node)) == 1 and (factor := _factor(node)):
        signs = [sign * factor] * len(edges)
    else:
        return None
    return [(below, s) for below, s in zip(edges, signs, strict=False) if below is not None]


def _factor(node: Any) -> int:
    """Return the sign of what a node multiplies by, or divides by; 0 where it has none, or divides it."""
    first = node.next_functions[0][0] is not None
    if not first and node.name() == "DivBackward0":
        return 0
    return _sign_of(getattr(node, "_saved_other" if first else "_saved_self", None))


def normalizes(node: Any) -> bool:
    """Whether a node is x - logsumexp(x): a logarithm of probabilities."""
    if node.name() != "SubBackward0" or len(node.next_functions) != 2:
        return False
    below = node.next_functions[1][0]
    return below is not None and below.name() == "LogsumexpBackward0"


def _sign_of(factor: Any) -> int:
    """Return 1 or -1, where all of a factor that is not trained has that sign; else 0."""
    if isinstance(factor, int | float):
        return (factor > 0) - (factor < 0)
    if not isinstance(factor, torch.Tensor) or factor.requires_grad or not factor.numel():
        return 0
    low, high = float(factor.detach().min()), float(factor.detach().max())
    return 1 if low >= 0 and high > 0 else -1 if high <= 0 and low < 0 else 0


def _sinks(node: Any, sign: int) -> bool:
    """Whether a node, added with a sign, can fall without end."""
    name = node.name()
    edges = [below for below, _ in node.next_functions]
    if sign < 0:
        even = name == "PowBackward0" and float(getattr(node, "_saved_exponent", 1)) in (2.0, 4.0)
        square = name == "MulBackward0" and len(edges) == 2 and edges[0] is edges[1] and edges[0] is not None
        return even or square or name.startswith(_GROWING)
    if name.startswith(_FALLING) or normalizes(node):
        return True
    while name in ("LogBackward0", *_ROUND, *SAME) and edges and edges[0] is not None:
        if name == "AddBackward0" and any(below is not None for below in edges[1:]):
            return False
        inside = edges[0]
        if inside.name() in _PROBABILITIES:
            return node.name() == "LogBackward0"
        name, edges = inside.name(), [below for below, _ in inside.next_functions]
        if name == "LogBackward0":
            return False
    return False


def _weighs(node: Any, sign: int) -> bool:
    """Whether a node, added with a sign, weighs log-probabilities, and a large weight lowers them."""
    if sign < 0 or node.name() != "MulBackward0" or len(behind(node)) != 1:
        return False
    (inside,) = behind(node)
    while inside.name() in SAME:
        if len(behind(inside)) != 1:
            return False
        (inside,) = behind(inside)
    return _sinks(inside, 1)


def _chases(node: Any) -> bool:
    """Whether a node compares one answer of several with a reward and the largest answer to what follows.

    Both of the same parameters: the gradient of a target network goes nowhere.
    """
    below = node.next_functions[0][0] if node.name() == "PowBackward0" else None
    if below is not None and below.name() == "SubBackward0":
        node = below
    elif not node.name().startswith(_COMPARING):
        return False
    both = behind(node)
    if len(both) != 2 or not _leaves(both[0]) & _leaves(both[1]):
        return False
    picked, followed = (tuple(_below(below)) for below in both)
    if any(name in _LARGEST for name in picked):
        picked, followed = followed, picked
    summed = any(name in SUMS for name in followed) and "MulBackward0" in followed
    return _PICKS.intersection(picked) != set() and summed and any(name in _LARGEST for name in followed)


def _leaves(node: Any) -> set[int]:
    return {id(w) for w in leaves_among(reached([node], _MOST)[0])}


def _below(node: Any) -> Iterator[str]:
    """Yield the names of nodes downwards, as long as only one of those below needs a gradient."""
    for _ in range(_DEEP):
        yield node.name()
        if len(behind(node)) != 1:
            return
        (node,) = behind(node)
