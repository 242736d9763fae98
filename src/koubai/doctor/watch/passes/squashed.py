"""Squashed: a loss that takes one number of the whole batch where it should take one of each sample.

And one along a sequence (CTC) that takes other numbers than logarithms of probabilities.

The logarithm of a sigmoid of a sum is not the sum of the logarithms: the sum over a batch lies far out, where
a sigmoid is flat, and says nothing of any one sample.
"""

from __future__ import annotations

from math import prod
from typing import Any

import torch

from koubai.doctor.watch.program.graph import LOOKS, reached, root_of

_FUNCTIONS = {
    "LogSigmoidBackward0": "logsigmoid",
    "SigmoidBackward0": "sigmoid",
    "SoftplusBackward0": "softplus",
    "BinaryCrossEntropyWithLogitsBackward0": "binary_cross_entropy_with_logits",
}
_ROUND = (
    "NegBackward0", "MulBackward0", "AddBackward0", "SubBackward0", "RsubBackward1", "DivBackward0",
    "LogBackward0", "ViewBackward0", "ReshapeAliasBackward0", "UnsqueezeBackward0", "SqueezeBackward0",
    "ExpandBackward0",
)  # fmt: skip
_SUMS = ("SumBackward0", "MeanBackward0")
_FEWEST = 8  # samples
_SUM_ERROR = 0.05  # of the logarithm of a sum of probabilities, which should be 0
_MOST = 500  # nodes


class Squashed:
    """Looks at the loss at the first updates.

    `found` is the function and the number of samples, or None; `bare` whether CTC is given no logarithms of
    probabilities.
    """

    def __init__(self) -> None:
        self.found: tuple[str, int] | None = None
        self.bare = False

    def look(self, roots: Any, step: int, batch: int | None) -> None:
        """Look at what is differentiated in the step after `step` updates, of so many samples."""
        if step not in LOOKS or (root := root_of(roots)) is None:
            return
        self.bare = self.bare or _is_bare(root.grad_fn)
        if batch is None or batch < _FEWEST or self.found is not None:
            return
        if root.numel() == 1:
            function = _squashing(root.grad_fn, batch)
            self.found = None if function is None else (function, batch)


def _squashing(root: Any, batch: int) -> str | None:
    """Return the function that takes one number of the whole batch, below a loss; None without any."""
    waiting: list[tuple[Any, str | None]] = [(root, None)]
    seen: set[tuple[Any, str | None]] = set()
    while waiting and len(seen) < _MOST:
        node, function = waiting.pop()
        if node is None or (node, function) in seen:
            continue
        seen.add((node, function))
        name = node.name()
        if name in _SUMS:
            sizes = tuple(node._saved_self_sym_sizes)
            if function is not None and sizes and sizes[0] == batch:
                return function
            if prod(sizes) > 1:
                continue
        elif name in _FUNCTIONS:
            if not _of_one_number(node):
                continue
            function = function or _FUNCTIONS[name]
        elif name not in _ROUND:
            continue
        waiting += [(below, function) for below, _ in node.next_functions]
    return None


def _is_bare(root: Any) -> bool:
    """Whether a loss is CTC of numbers whose exponentials do not add up to 1 at each place."""
    for node in reached([root], _MOST)[0]:
        if node.name().startswith("CtcLossBackward"):
            sums = node._saved_log_probs.detach().float().logsumexp(-1)
            return bool(sums.abs().median() > _SUM_ERROR)
    return False


def _of_one_number(node: Any) -> bool:
    saved = getattr(node, "_saved_result", None)
    saved = getattr(node, "_saved_self", None) if saved is None else saved
    return isinstance(saved, torch.Tensor) and saved.numel() == 1
