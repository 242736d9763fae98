"""Forces: how hard each summand of the loss pulls on what it shares with the others, and what it has learned.

Where the ways of two summands meet on their way back, each hands over its gradient. The lengths of these are
their forces. What a summand has learned is told by the numbers that its own node keeps: its answers and its
targets, or what is left between them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any

import torch

from koubai.doctor.patient.weak_term import WEAK, WeakTerm
from koubai.doctor.watch.hooks.guard import on_gradient
from koubai.doctor.watch.passes.learned import SIZE, learned_of
from koubai.doctor.watch.passes.terms import terms_of
from koubai.doctor.watch.program.graph import doubled, reached, root_of

_VAIN = 2  # looks in vain, after which is looked no more
_FEWEST = 6  # looks
_MOST = 5000  # nodes of a graph
_EDGES = 300  # between what one summand has alone and what it shares
_NOTHING, _ANY = 0.9, 0.75  # of the error of knowing nothing: the last looks on average, each but two
_START, _ANY_START = 0.5, 0.25  # the same of the error at the start, which is one batch's, and may be high


@dataclass
class TermLook:
    """One summand in one backward pass: forces (squared), and its error beside that of knowing nothing.

    `nothing` is None where that is not known. `wanted` is whether it counts at all: its weight may be 0.
    """

    kind: str
    value: float
    nothing: float | None
    shared: float = 0.0
    alone: float = 0.0
    wanted: bool = False


class Forces:
    """Looks at the graph of the loss, now and then, and takes the forces in the backward pass of then."""

    def __init__(self) -> None:
        self._looks: list[list[TermLook]] = []
        self._vain = 0

    def look(self, roots: Any, step: int) -> None:
        """Look at what is differentiated in the step after `step` updates."""
        if not doubled(step) or self._vain >= _VAIN or (root := root_of(roots)) is None:
            return
        terms = list(terms_of(root.grad_fn))
        looks = _judged(terms) if 1 < len(terms) == len(set(terms)) else []
        borders = _borders(terms) if any(look.kind for look in looks) else None
        self._vain += borders is None
        if borders is None or (self._looks and _kinds(looks) != _kinds(self._looks[0])):
            return
        self._looks.append(looks)
        for term, look, border in zip(terms, looks, borders, strict=True):
            on_gradient(term, _weigh, look)
            for node, shared in border.items():
                on_gradient(node, _take, look, shared)

    @property
    def weak(self) -> WeakTerm | None:
        """The first summand that has learned nothing, and that hardly counted, or not at all."""
        looks = [look for look in self._looks if sum(term.shared for term in look) > 0]
        if len(looks) < _FEWEST:
            return None
        for i, seen in enumerate(zip(*looks, strict=True)):
            if not seen[0].kind or not all(look.wanted for look in seen) or _is_dampened(seen):
                continue
            shares = [_share(look, i) for look in looks]
            flat = not any(look.shared or look.alone for look in seen)
            against = _against(seen)
            if against is not None and max(shares) < WEAK and (flat or seen[0].kind != SIZE):
                last = seen[len(seen) // 2 :]
                value = sum(look.value for look in last) / len(last)
                known = seen[0].nothing is not None
                return WeakTerm(i, len(looks[0]), seen[0].kind, max(shares), value, against, known, flat)
        return None


def _share(look: list[TermLook], i: int) -> float:
    """Return the share of one force in all."""
    return sqrt(look[i].shared) / sum(sqrt(term.shared) for term in look)


def _is_dampened(seen: tuple[TermLook, ...]) -> bool:
    """Whether hardly anything of what a summand pulls on parameters of its own goes on to what it shares.

    A discriminator behind a layer that turns the gradient round is meant to know nothing, and it learns.
    """
    return any(look.shared < WEAK**2 * look.alone for look in seen)


def _against(seen: tuple[TermLook, ...]) -> float | None:
    """Return the error of knowing nothing, or of the start, that was never left; None: it was."""
    last = seen[len(seen) // 2 :]
    known = [look.nothing for look in last if look.nothing is not None]
    level = sum(known) / len(known) if known else seen[0].value
    least, any_one = (_NOTHING, _ANY) if known else (_START, _ANY_START)
    if not level > 0 or min(look.value for look in seen[2:]) < any_one * level:
        return None
    return level if sum(look.value for look in last) >= least * level * len(last) else None


def _kinds(looks: list[TermLook]) -> list[str]:
    return [look.kind for look in looks]


def _judged(terms: list[Any]) -> list[TermLook]:
    """Return what each summand has learned; those of which it is not known have no kind."""
    found = (learned_of(term) for term in terms)
    return [TermLook("", 0.0, None) if known is None else TermLook(*known) for known in found]


def _borders(terms: list[Any]) -> list[dict[Any, list[bool | None]]] | None:
    """Return where each summand's own part of the graph ends: nodes, with what lies behind each edge.

    True is what it shares with others, False is a parameter of its own, None is of no interest. None in
    place of the list: the graph is too large, or nothing is shared.
    """
    reach = [reached([term], _MOST) for term in terms]
    if not all(whole for _, whole in reach):
        return None
    counts = Counter(node for nodes, _ in reach for node in nodes)
    borders = [dict(_ends(nodes, counts)) for nodes, _ in reach]
    edges = sum(len(border) for border in borders)
    shared = sum(any(any(ends) for ends in border.values()) for border in borders)
    return borders if shared > 1 and edges <= _EDGES else None


def _ends(nodes: dict[Any, None], counts: Counter[Any]) -> Iterator[tuple[Any, list[bool | None]]]:
    for node in nodes:
        if counts[node] > 1:
            continue
        ends = [_end(below, counts) for below, _ in node.next_functions]
        if any(end is not None for end in ends):
            yield node, ends


def _end(below: Any, counts: Counter[Any]) -> bool | None:
    if below is None:
        return None
    if counts[below] > 1:
        return True
    return False if isinstance(getattr(below, "variable", None), torch.nn.Parameter) else None


def _weigh(look: TermLook, _: Any, outside: Any) -> None:
    """Take whether anything comes in from the loss."""
    look.wanted = look.wanted or any(bool(g.any()) for g in outside if g is not None)


def _take(look: TermLook, ends: list[bool | None], inside: Any, _: Any) -> None:
    """Add the squares of the gradients that a node hands over."""
    for end, gradient in zip(ends, inside, strict=False):
        if end is None or not isinstance(gradient, torch.Tensor):
            continue
        square = float(gradient.detach().double().square().sum())
        look.shared += square if end else 0.0
        look.alone += 0.0 if end else square
