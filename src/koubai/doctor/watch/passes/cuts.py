"""Cuts: where numbers without gradient, although a network made them, join those that have one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from koubai.doctor.patient.place import Place
from koubai.doctor.watch.program.graph import leaves_among, reached
from koubai.doctor.watch.program.nested import first_tensor, tensors
from koubai.doctor.watch.program.places import users_place

_ADDING = frozenset((
    "add", "add_", "__add__", "__radd__", "__iadd__", "sub", "sub_", "__sub__", "__rsub__", "rsub",
    "__isub__", "subtract",
))  # fmt: skip
_MOST = 2000  # nodes of a graph
_SLOPES = 64  # kept in a step


@dataclass(frozen=True)
class Cut:
    """Where a number without gradient was added: its fault, the node of the graph, its value, the line."""

    fault: str
    node: Any
    value: float
    place: Place | None


class Cuts:
    """Follows, through one pass, what has no gradient although it was made by a network.

    | fault      | what is added                                                                    |
    |------------|----------------------------------------------------------------------------------|
    | term       | a whole summand: a loss of tensors none of which has a gradient, or a number     |
    |            | made of outputs that were cut from the graph, and that serve nothing else        |
    | derivative | a derivative by inputs without its graph, to numbers of the same parameters      |

    `slopes` are such derivatives; the passes of one step share them. `silenced` are parameters of layers that
    were called without gradients, or whose outputs were cut off, by identity, with the line.
    """

    def __init__(self) -> None:
        self._cut: dict[int, tuple[torch.Tensor, frozenset[int]]] = {}
        self.slopes: dict[int, tuple[torch.Tensor, frozenset[int]]] = {}  # with parameters they depend on
        self._noted: list[tuple[Cut, frozenset[int]]] = []
        self._used: set[int] = set()
        self.silenced: dict[int, Place | None] = {}

    @property
    def found(self) -> list[Cut]:
        """What was found; numbers that weigh or judge what has a gradient are meant to have none."""
        return [cut for cut, sources in self._noted if not sources & self._used]

    @property
    def plain(self) -> bool:
        """Whether all that was computed has its gradient."""
        return not (self._cut or self.slopes or self._noted or self.silenced)

    def begin(self, output: Any) -> None:
        """Take outputs of a model: those without gradients are cut."""
        for tensor in tensors(output):
            if tensor.is_floating_point() and not tensor.requires_grad:
                self._cut[id(tensor)] = tensor, frozenset([id(tensor)])

    def silence(self, parameters: Iterable[int]) -> None:
        """Take parameters whose layers are called, and get no gradient there."""
        new = [known for known in parameters if known not in self.silenced]
        self.silenced |= dict.fromkeys(new, users_place("layer") if new else None)

    def lost(self, value: Any) -> None:
        """Take a call of a loss function whose value has no gradient."""
        if isinstance(value, torch.Tensor) and not value.requires_grad and torch.is_grad_enabled():
            self._cut.setdefault(id(value), (value, frozenset([id(value)])))

    def call(self, name: str, args: tuple[Any, ...], options: Mapping[str, Any], result: Any) -> None:
        """Take in a call of a function of PyTorch."""
        if name == "grad":
            self._differentiated(args, options, result)
            return
        if not isinstance(result, torch.Tensor) or not result.is_floating_point():
            return
        if (source := cut_from(name, args, result)) is not None and source.ndim:
            self.silence(_parameters(source.grad_fn))
            self._cut[id(result)] = result, frozenset([id(result)])
            return
        if not self._cut and not self.slopes:
            return
        given = [w for w in (*args, *options.values()) if isinstance(w, torch.Tensor | tuple | list)]
        inputs = tensors(given)
        self._follow(name, inputs, result)
        self._join_slopes(name, inputs, result)

    def _follow(self, name: str, inputs: list[torch.Tensor], result: torch.Tensor) -> None:
        known = [self._cut[id(w)] for w in inputs if id(w) in self._cut]
        if not known:
            return
        sources = frozenset().union(*(sources for _, sources in known))
        if not result.requires_grad:
            self._cut[id(result)] = result, sources
        elif name in _ADDING and not result.ndim and all(not w.ndim for w, _ in known):
            self._note("term", result, float(known[0][0]), sources)
        else:
            self._used |= sources

    def _differentiated(self, args: tuple[Any, ...], options: Mapping[str, Any], result: Any) -> None:
        """Take in derivatives by inputs that keep no graph."""
        outputs, inputs = tensors(args[:1]), tensors(args[1:2])
        if options.get("create_graph") or len(args) > 4 or not torch.is_grad_enabled():
            return
        if any(isinstance(w, nn.Parameter) or _parameters(w.grad_fn) for w in inputs):
            return
        learned = frozenset().union(*(_parameters(w.grad_fn) for w in outputs))
        if len(self.slopes) > _SLOPES:
            self.slopes.clear()
        for slope in tensors(result) if learned else ():
            self.slopes[id(slope)] = slope, learned

    def _join_slopes(self, name: str, inputs: list[torch.Tensor], result: torch.Tensor) -> None:
        known = [self.slopes[id(w)] for w in inputs if id(w) in self.slopes]
        if not known:
            return
        learned = frozenset().union(*(learned for _, learned in known))
        if not result.requires_grad:
            self.slopes[id(result)] = result, learned
        elif name in _ADDING and any(learned & _parameters(w.grad_fn) for w in inputs):
            self._note("derivative", result, 1.0, frozenset())

    def _note(self, fault: str, result: torch.Tensor, value: float, sources: frozenset[int]) -> None:
        self._noted.append((Cut(fault, result.grad_fn, value, users_place("operation")), sources))


def cut_from(name: str, args: tuple[Any, ...], result: Any) -> torch.Tensor | None:
    """Return the tensor with a graph that a result was taken out of, by `detach` or `data`; else None."""
    if name not in ("detach", "__get__") or not isinstance(result, torch.Tensor) or result.requires_grad:
        return None
    source = first_tensor(args)
    return None if source is None or source.grad_fn is None else source


def _parameters(node: Any) -> frozenset[int]:
    """Return the identities of the parameters that a graph reaches; none where it is too large."""
    return frozenset(id(w) for w in leaves_of(node) if isinstance(w, nn.Parameter))


def leaves_of(node: Any, most: int = _MOST) -> list[torch.Tensor]:
    """Return the tensors at which a graph begins; none where it is too large."""
    return leaves_among(nodes_of(node, most))


def nodes_of(node: Any, most: int = _MOST) -> Collection[Any]:
    """Return the nodes of a graph; none where it is too large."""
    nodes, whole = reached([] if node is None else [node], most)
    return nodes if whole else ()
