"""Scales: logarithms of scales in the loss, and whether their two forces are against each other.

A density's loss holds the logarithm s of a scale twice: as it is (a log-determinant, a log-variance) and in
exp(s), which scales what is compared. One pulls s up, the other down; where they balance the density fits.
Where the first has the wrong sign both pull the same way, and the loss falls without end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from koubai.doctor.watch.hooks.guard import on_gradient
from koubai.doctor.watch.passes.sinks import SAME, SUMS, normalizes
from koubai.doctor.watch.program.graph import behind, doubled, reached, root_of

_VAIN = 2  # looks in vain, after which is looked no more
_FEWEST = 3  # looks
_MOST = 5000  # nodes of a graph
_AGAINST, _WITH = -0.3, 0.02  # of the force of s itself: never so much against it, once so much with it


class Scales:
    """Looks at the graph of the loss, now and then, and takes the forces in the backward pass of then."""

    def __init__(self) -> None:
        self._forces: list[list[float]] = []  # at each look: that of the exponentials, that of s itself
        self._vain = 0

    def look(self, roots: Any, step: int) -> None:
        """Look at what is differentiated in the step after `step` updates."""
        if not doubled(step) or self._vain >= _VAIN or (root := root_of(roots)) is None:
            return
        top = root.grad_fn
        edges = range(len(top.next_functions)) if _is_linear(top) else ()
        alone = _by_place([place for i in edges for place in _places(top, i)])
        raised = _by_place([place for node in _exponentials(top) for place in _places(node, 0)])
        # Where the ways have met, further down they are one: there the two forces are not told apart.
        both = [place for place in alone.keys() & raised.keys() if not alone[place] & raised[place]]
        self._vain += not both
        if both:
            forces = [0.0, 0.0]
            self._forces.append(forces)
            for force, found in enumerate((raised, alone)):
                for node, edge in {way for place in both for way in found[place]}:
                    on_gradient(node, _take, forces, force, edge)

    @property
    def known(self) -> bool:
        """Whether the loss holds a logarithm of a scale beside its exponential."""
        return bool(self._forces)

    @property
    def runaway(self) -> bool:
        """Whether both forces pull the same way, at all looks."""
        shares = [raised / alone for raised, alone in self._forces if alone]
        return len(shares) >= _FEWEST and min(shares) > _AGAINST and max(shares) > _WITH


def _take(forces: list[float], force: int, edge: int, inside: Any, _: Any) -> None:
    """Add the gradient that a node hands over."""
    if len(inside) > edge and inside[edge] is not None:
        forces[force] += float(inside[edge].sum())


def _by_place(found: list[tuple[Any, Any]]) -> dict[Any, set[Any]]:
    """Return the last steps of all ways to each place."""
    ways: dict[Any, set[Any]] = {}
    for place, way in found:
        ways.setdefault(place, set()).add(way)
    return ways


def _places(node: Any, edge: int) -> Iterator[tuple[Any, Any]]:
    """Yield what sums and factors lead to, as (node, its output), each with the step that leads there."""
    waiting = [(node, edge)]
    gone: set[tuple[Any, int]] = set()
    while waiting and len(gone) < _MOST:
        parent, i = waiting.pop()
        if (parent, i) in gone:
            continue
        gone.add((parent, i))
        below, output = parent.next_functions[i]
        if below is None:
            continue
        yield (below, output), (parent, i)
        if _is_linear(below):
            waiting += [(below, j) for j in range(len(below.next_functions))]


def _is_linear(node: Any) -> bool:
    """Whether a node adds up, takes apart, or multiplies by what is not trained."""
    name = node.name()
    if name in SAME or name == "NegBackward0":
        return True
    if name in SUMS:
        return not normalizes(node)
    one = len(behind(node)) == 1
    if name == "DivBackward0":
        return one and node.next_functions[0][0] is not None
    return name == "MulBackward0" and one


def _exponentials(root: Any) -> list[Any]:
    """Return the exponentials of the graph."""
    return [node for node in reached([root], _MOST)[0] if node.name() == "ExpBackward0"]
