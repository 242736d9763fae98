"""Entropies: whether the loss of a policy has the entropy of its answers in it, with which sign.

The entropy -sum p log p is a reward there: it keeps a policy trying. Added to a loss it makes the policy sure
before it knows anything. Where labels are learned, the same sum may be wanted: so only a loss that weighs the
log-probabilities of what was drawn is asked.
"""

from __future__ import annotations

from typing import Any

import torch

from koubai.doctor.watch.passes.sinks import SAME, normalizes, summands
from koubai.doctor.watch.program.graph import LOOKS, behind, reached, root_of

_ROUND = frozenset(("AddBackward0", "ClampBackward0", "ClampBackward1", "ClampMinBackward0"))
_PICKS = ("GatherBackward0", "IndexBackward0")
_STACKS = ("StackBackward0", "CatBackward0")  # of the same, step by step
_PICKED = "NllLossBackward0"  # labels are picked likewise
_MOST = 2000  # nodes of a graph


class Entropies:
    """Looks at the loss at the first updates.

    `policy`: whether it weighs log-probabilities of what was picked by numbers of both signs, as a policy's
    does: such a loss need not fall.
    """

    def __init__(self) -> None:
        self.policy = False
        self._looks: list[bool] = []

    def look(self, roots: Any, step: int) -> None:
        """Look at what is differentiated in the step after `step` updates."""
        if step in LOOKS and (root := root_of(roots)) is not None:
            drawn = _drawn(root)
            self._looks.append(bool(drawn) and _adds_entropy(root))
            self.policy = self.policy or any(_weighs_drawn(node, both_signs=True) for node in drawn)

    @property
    def punished(self) -> bool:
        """Whether every look has found it."""
        return bool(self._looks) and all(self._looks)


def punishes_entropy(root: torch.Tensor) -> bool:
    """Whether a loss grows with the entropy of the policy that it trains.

    >>> log_p = torch.zeros(3, 3, requires_grad=True).log_softmax(1)
    >>> picked, gains = log_p.gather(1, torch.tensor([[0], [2], [1]])), torch.tensor([[1.0], [2.0], [-1.0]])
    >>> loss, entropy = -(picked * gains).mean(), -(log_p.exp() * log_p).sum(1).mean()
    >>> punishes_entropy(loss + 0.1 * entropy), punishes_entropy(loss - 0.1 * entropy)
    (True, False)
    """
    return _adds_entropy(root) and bool(_drawn(root))


def _adds_entropy(root: torch.Tensor) -> bool:
    return {sign for node, sign in summands(root.grad_fn) if _is_entropy(node)} == {-1}


def _drawn(root: torch.Tensor) -> list[Any]:
    """Return the nodes that weigh log-probabilities of what was drawn."""
    return [node for node in reached([root.grad_fn], _MOST)[0] if _weighs_drawn(node)]


def _is_entropy(node: Any) -> bool:
    """Whether a node is p log p."""
    both = behind(node)
    if node.name() != "MulBackward0" or len(both) != 2:
        return False
    return any(_is_share(p) and _is_logarithm(log_p) for p, log_p in (both, both[::-1]))


def _is_share(node: Any) -> bool:
    """Whether a node is a probability: a softmax, perhaps divided by its sum, or exp log p."""
    node = _through(node, SAME)
    if node.name() == "DivBackward0" and behind(node):
        node = _through(behind(node)[0], SAME)
    return node.name() == "SoftmaxBackward0" or (
        node.name() == "ExpBackward0" and _is_logarithm(*behind(node))
    )


def _is_logarithm(node: Any) -> bool:
    """Whether a node is the logarithm of a probability."""
    node = _through(node, SAME | _ROUND)
    if node.name() == "LogBackward0":
        return _is_share(_through(behind(node)[0], SAME | _ROUND))
    return node.name() == "LogSoftmaxBackward0" or normalizes(node)


def _through(node: Any, names: frozenset[str]) -> Any:
    """Return what lies behind operations that change nothing here."""
    while node.name() in names and (below := behind(node)) and (len(below) == 1 or node.name() in _STACKS):
        node = below[0]
    return node


def _weighs_drawn(node: Any, *, both_signs: bool = False) -> bool:
    """Whether a node weighs log-probabilities, or their ratios, of what was picked, each by its own number.

    The numbers of labels have one sign, those of what was drawn may have both.
    """
    bounds = _weights(node)
    if bounds is None or (both_signs and not bounds[0] < 0 < bounds[1]):
        return False
    (inside,) = behind(node)
    inside = _through(inside, SAME.difference(_PICKS) | {"NegBackward0"})
    if _weights(inside) is not None:  # by a mask, and then by gains
        return _weighs_drawn(inside, both_signs=both_signs)
    if inside.name() == "ExpBackward0":  # a ratio of probabilities, as exp(log p - log p before)
        inside = _through(behind(inside)[0], SAME.difference(_PICKS) | {"SubBackward0"})
    if inside.name() in _PICKS:
        return _is_logarithm(behind(inside)[0])
    return inside.name() == _PICKED and bounds[0] < 0


def _weights(node: Any) -> tuple[float, float] | None:
    """Return the lowest and the highest of the numbers that a node multiplies by, where these differ."""
    if node.name() != "MulBackward0" or len(behind(node)) != 1:
        return None
    first = node.next_functions[0][0] is not None
    weights = getattr(node, "_saved_other" if first else "_saved_self", None)
    if not isinstance(weights, torch.Tensor) or weights.requires_grad or weights.numel() < 2:
        return None
    low, high = float(weights.min()), float(weights.max())
    return (low, high) if low < high else None
