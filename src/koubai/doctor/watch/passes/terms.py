"""Terms: the summands of what is differentiated, and whether each of them reaches what is trained."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any

import torch
from torch import nn

from koubai.doctor.patient.place import Place
from koubai.doctor.watch.passes.cuts import Cut, Cuts, leaves_of, nodes_of
from koubai.doctor.watch.program.graph import LOOKS, behind, root_of

_SUMS = ("AddBackward0", "SubBackward0")
_FACTORS = ("MulBackward0", "DivBackward0", "NegBackward0", "MeanBackward0", "SumBackward0")
_MOST = 20_000  # nodes of a graph


class CutTerms:
    """Looks for summands that depend only on tensors which nobody trains.

    `found` says so after two looks: such a term changes no parameter, and what it depends on is made new in
    each step or stays as it is. (What is trained beside the model, such as codes or disturbances, changes.)
    `silenced` are parameters that are used without a gradient, with the line. `cut` is what passes that were
    followed have shown to be added without a gradient.
    """

    def __init__(self) -> None:
        self.found = False
        self.cut: Cut | None = None
        self.slopes: dict[int, tuple[torch.Tensor, frozenset[int]]] = {}
        self.silenced: dict[int, Place | None] = {}
        self._waiting: list[Cut] = []
        self._met: dict[str, tuple[int, float]] = {}  # step and value at which a fault was met first
        self._before: list[tuple[torch.Tensor, int]] | None = None

    def look(self, roots: Any, step: int, trained: Container[int]) -> None:
        """Look at what is differentiated in the step after `step` updates."""
        self._meet(roots, step)
        if step not in LOOKS or (root := root_of(roots)) is None:
            return
        reached = [leaves_of(term, _MOST) for term in terms_of(root.grad_fn)]
        learned = [any(id(leaf) in trained for leaf in leaves) for leaves in reached]
        cut = [
            leaf
            for leaves in reached
            if leaves and not any(isinstance(leaf, nn.Parameter) or id(leaf) in trained for leaf in leaves)
            for leaf in leaves
        ]
        if step == LOOKS[0]:
            self._before = [(leaf, leaf._version) for leaf in cut] if any(learned) else None
        elif self._before and cut and any(learned):
            changed = [then for then, version in self._before if then._version != version]
            self.found = not any(leaf is then for leaf in cut for then in changed)
        if step == LOOKS[-1]:
            self._before = None

    @property
    def settled(self) -> bool:
        """Whether nothing waits for a graph to be looked for in."""
        return not (self._waiting or self.slopes)

    def share(self, cuts: Cuts) -> None:
        """Have a pass that begins know the derivatives of those before it, in the same step."""
        cuts.slopes = self.slopes

    def take(self, cuts: Cuts) -> None:
        """Take what was found in a pass; in the step's graph it is looked for when that is differentiated."""
        self._waiting += cuts.found
        self.silenced = cuts.silenced | self.silenced

    def _meet(self, roots: Any, step: int) -> None:
        """Keep the first cut that is met in two steps; a number that stays the same is a constant."""
        waiting, self._waiting = self._waiting, []
        self.slopes.clear()
        if self.cut is not None or not waiting or (root := root_of(roots)) is None:
            return
        nodes = nodes_of(root.grad_fn, _MOST)
        for cut in waiting:
            if cut.node not in nodes or not cut.value:
                continue
            at, value = self._met.setdefault(cut.fault, (step, cut.value))
            if at != step and (cut.fault == "derivative" or value != cut.value):
                self.cut = cut


def terms_of(node: Any) -> Iterator[Any]:
    """Yield the summands below a node; factors that need no gradient are looked through."""
    below = behind(node)
    if node.name() in _SUMS or (node.name() in _FACTORS and len(below) == 1):
        for each in below:
            yield from terms_of(each)
    else:
        yield node
