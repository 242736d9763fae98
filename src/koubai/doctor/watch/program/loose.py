"""Loose tensors: what a program trains without a module, in the form of one."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from math import hypot
from types import FrameType
from typing import Any

import torch
from torch import nn

from koubai.doctor.watch.program.graph import leaves_among, reached, root_of
from koubai.doctor.watch.program.places import is_users

_DEEPEST = 50  # frames
_MOST = 2000  # variables, and things in a container
MOST_NODES = 5000  # of a graph
_FAR = 0.9  # of their size: what one update moves tensors by is less
_VIEWS = ("TBackward0", "TransposeBackward0", "ExpandBackward0", "RepeatBackward0", "ViewBackward0",
          "UnsqueezeBackward0", "PermuteBackward0")  # fmt: skip
_WEIGHT_AT = {
    "MmBackward0": (0, 1), "AddmmBackward0": (1, 2), "BmmBackward0": (0, 1), "MvBackward0": (0, 1),
    "ConvolutionBackward0": (1, 0), "IndexBackward0": (0, 0), "EmbeddingBackward0": (0, 0),
}  # fmt: skip


class LooseTensors(nn.Module):
    """Tensors that a program trains, by the names of its variables: never called, never given to the program.

    They are the program's own, not copies, and need be no parameters.
    """

    def __init__(self, tensors: Mapping[str, torch.Tensor]) -> None:
        super().__init__()
        self._hold(tensors)

    def _hold(self, tensors: Mapping[str, torch.Tensor]) -> None:
        self.__dict__["_parameters"] = dict(tensors)

    @property
    def tensors(self) -> dict[str, torch.Tensor]:
        """The tensors by name."""
        return dict(vars(self)["_parameters"])

    def take(self, more: Mapping[str, torch.Tensor]) -> None:
        """Take more of them, or others that stand under the same names."""
        self._hold(self.tensors | dict(more))

    def drop(self, names: Iterable[str]) -> None:
        """Let some go: they are not trained."""
        gone = set(names)
        self._hold({name: w for name, w in self.tensors.items() if name not in gone})


def named(tensors: Iterable[torch.Tensor], taken: Iterable[str] = ()) -> dict[str, torch.Tensor]:
    """Return tensors by the names of the variables that hold them, in the program's frames.

    A variable's own name counts more than a place in a list; what has no name is numbered.
    """
    wanted = {id(w): w for w in tensors}
    found: dict[int, str] = {}
    places: dict[int, str] = {}
    for variables in _scopes():
        for name, value in list(variables.items())[:_MOST]:
            if isinstance(value, torch.Tensor):
                if id(value) in wanted:
                    found.setdefault(id(value), name)
            elif not name.startswith("__"):
                for place, inner in _inside(name, value):
                    if id(inner) in wanted:
                        places.setdefault(id(inner), place)
    result: dict[str, torch.Tensor] = {}
    used = set(taken)
    for i, (key, w) in enumerate(wanted.items()):
        name = plain = found.get(key) or places.get(key) or f"tensor_{i + 1}"
        number = 1
        while name in used:
            number += 1
            name = f"{plain}_{number}"
        used.add(name)
        result[name] = w
    return result


def are_trained(roots: Any, tensors: Iterable[Any]) -> bool:
    """Whether tensors whose gradients are asked for are trained without a module: they are no inputs.

    These are all that a loss depends on, or one of them weighs there.
    """
    root, asked = root_of(roots), list(tensors)
    if root is None or not all(isinstance(w, torch.Tensor) and is_loose(w) for w in asked):
        return False
    nodes, whole = reached([root.grad_fn], MOST_NODES)
    leaves = leaves_among(nodes)
    if not whole or any(isinstance(leaf, nn.Parameter) for leaf in leaves):
        return False
    return {id(leaf) for leaf in leaves} <= {id(w) for w in asked} or any(weighs(w, nodes) for w in asked)


def may_follow(old: list[torch.Tensor], new: list[torch.Tensor]) -> bool:
    """Whether tensors may be others after an update: together not far from these, unless all those were 0."""
    if [w.shape for w in old] != [w.shape for w in new]:
        return False
    with torch.no_grad():
        size = hypot(*(float(w.norm()) for w in old))
        way = hypot(*(float((w - b).norm()) for w, b in zip(new, old, strict=True)))
    return not size or way < _FAR * size


@contextmanager
def lent(tensors: Iterable[Any], gradients: Iterable[Any]) -> Iterator[list[torch.Tensor]]:
    """Lend gradients that were asked for to the tensors they are of, where these have none of their own."""
    bare = []
    for w, g in zip(tensors, gradients, strict=False):
        with suppress(Exception):  # of another shape or kind: nobody sees it
            if w.is_leaf and w.grad is None and g is not None:
                w.grad = g.detach()
                bare.append(w)
    try:
        yield bare
    finally:
        for w in bare:
            w.grad = None


def is_loose(w: torch.Tensor) -> bool:
    """Whether a tensor may be trained, and is no parameter of a module."""
    return w.is_leaf and w.is_floating_point() and not isinstance(w, nn.Parameter)


def weighs(leaf: torch.Tensor, nodes: Iterable[Any]) -> bool:
    """Whether a tensor takes part in a graph as weights do: as a factor of what is made before, or looked up.

    What is multiplied with another tensor that begins the graph, too, may be data.
    """
    ways: dict[Any, int] = {}
    for node in nodes:
        for i, (below, _) in enumerate(node.next_functions):
            if below is not None and getattr(below, "variable", None) is leaf:
                ways[node] = i
    for _ in range(len(_VIEWS)):
        through = {node for node in ways if node.name() in _VIEWS}
        if not through:
            break
        on = {node: at for node, at in ways.items() if node not in through}
        for node in nodes:
            for i, (below, _) in enumerate(node.next_functions):
                if below in through:
                    on[node] = i
        ways = on
    return any(_as_weight(node, at) for node, at in ways.items())


def _as_weight(node: Any, at: int) -> bool:
    pair = _WEIGHT_AT.get(node.name())
    if pair is None or at not in pair:
        return False
    if pair[0] == pair[1]:
        return True
    if node.name() == "ConvolutionBackward0" and at != 1:
        return False
    other = node.next_functions[pair[0] if at == pair[1] else pair[1]][0]
    while other is not None and other.name() in _VIEWS:
        other = other.next_functions[0][0]
    return other is None or not hasattr(other, "variable")


def _scopes() -> Iterator[Mapping[str, Any]]:
    """Yield the variables of the program's frames, the innermost first; those of a module once."""
    frame: FrameType | None = sys._getframe(1)
    seen: set[int] = set()
    for _ in range(_DEEPEST):
        if frame is None:
            return
        if is_users(frame.f_code.co_filename):
            for variables in (frame.f_locals, frame.f_globals):
                if id(variables) not in seen:
                    seen.add(id(variables))
                    yield variables
        frame = frame.f_back


def _inside(name: str, value: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the tensors in a container, or among the attributes of an object of the program, by place."""
    items: Iterable[tuple[str, Any]] = ()
    with suppress(Exception):  # a thing of the program may be anything
        if isinstance(value, list | tuple):
            items = [(f"{name}[{i}]", one) for i, one in enumerate(value[:_MOST])]
        elif isinstance(value, dict):
            items = [(f"{name}[{key!r}]", one) for key, one in list(value.items())[:_MOST]]
        elif not isinstance(value, type) and is_users(_file_of(value)):
            items = [(f"{name}.{key}", one) for key, one in list(vars(value).items())[:_MOST]]
    for place, one in items:
        if isinstance(one, torch.Tensor):
            yield place, one
        elif isinstance(one, list | tuple):
            yield from ((f"{place}[{i}]", w) for i, w in enumerate(one) if isinstance(w, torch.Tensor))


def _file_of(value: Any) -> str:
    """Return the file that an object's class comes from; "<none>" where that is not known."""
    return str(getattr(sys.modules.get(type(value).__module__), "__file__", None) or "<none>")
