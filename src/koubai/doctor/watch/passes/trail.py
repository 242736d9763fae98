"""Trail: what becomes of a model's outputs on their way to the loss, and what they are compared with.

Losses are written in many ways: of reshaped, sliced or masked outputs, with a softmax outside the model, by
hand. A trail follows the outputs through the functions of PyTorch and notes where they meet tensors that
were not made from them: those are targets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from koubai.core.params import Shape
from koubai.doctor.patient.layer_facts import OVER_SAMPLES
from koubai.doctor.watch.passes.cuts import Cuts, cut_from
from koubai.doctor.watch.passes.drawn import Drawn
from koubai.doctor.watch.passes.weighed import Weighed
from koubai.doctor.watch.program.kinds import REARRANGING, plain_name
from koubai.doctor.watch.program.nested import tensors

_SHAPES = REARRANGING | {"__get__", "take_along_dim"}
_SOFT = frozenset((
    "softmax", "log_softmax", "sigmoid", "logsigmoid", "log", "log2", "exp", "tanh", "relu", "softplus",
    "clamp", "clamp_min", "clamp_max", "clip", "add", "__add__", "__radd__", "sub", "__sub__", "__rsub__",
    "rsub", "mul", "__mul__", "__rmul__", "div", "__truediv__", "neg", "__neg__", "logsumexp", "gelu",
    "norm", "normalize", "log1p", "logit", "mean", "sum", "abs", "square", "pow", "__pow__",
    "masked_fill", "where",
))  # fmt: skip
_ACTIVATIONS = ("softmax", "log_softmax", "sigmoid", "logsigmoid", "log", "tanh", "relu")
_SOFTMAXES = ("softmax", "log_softmax")
_RESIDUALS = ("sub", "__sub__", "__rsub__", "rsub", "subtract")
_DECIDING = frozenset(
    ["argmax", "max", "topk", "gt", "__gt__", "ge", "__ge__", "lt", "__lt__", "round", "argsort", "sort"]
)
_SAME = ("eq", "__eq__", "ne", "__ne__", "isclose")


@dataclass(frozen=True)
class Pair:
    """Outputs and what they are compared with: y as the model put it out, but for its shape.

    | kind    | t is                                                                 |
    |---------|----------------------------------------------------------------------|
    | classes | numbers of classes, one a row of y                                   |
    | values  | numbers, one for each of y                                           |
    | answers | numbers of classes that y's largest entries were compared with       |
    """

    kind: str
    y: torch.Tensor
    t: torch.Tensor
    chain: tuple[str, ...] = ()


@dataclass(frozen=True)
class Derived:
    """A tensor that was made of an output: of which (after reshaping), by which functions."""

    tensor: torch.Tensor
    source: torch.Tensor
    chain: tuple[str, ...] = ()

    @property
    def applied(self) -> tuple[str, ...]:
        """The activations among the functions."""
        return tuple(name for name in self.chain if name.removesuffix(OVER_SAMPLES) in _ACTIVATIONS)


class Trail:
    """Follows the outputs of one pass.

    | field  | meaning                                                                         |
    |--------|---------------------------------------------------------------------------------|
    | pairs  | outputs with the foreign tensors they met                                       |
    | policy | whether the outputs were asked for the likelihood of what was drawn from them   |
    | crossed | shapes of outputs (N, 1) and targets (N,), or the other way round, that were subtracted |
    | cuts   | where numbers without gradient join those that have one                         |
    | weighed | which losses of single places count                                            |
    | drawn  | codes that were drawn                                                           |
    """

    def __init__(self) -> None:
        self.pairs: list[Pair] = []
        self.policy = False
        self.crossed: tuple[Shape, Shape] | None = None
        self.weighed, self.cuts, self.drawn = Weighed(), Cuts(), Drawn()
        self._derived: dict[int, Derived] = {}
        self._made: dict[int, torch.Tensor] = {}  # from outputs, in any way: no targets

    def begin(self, output: Any) -> None:
        """Take the outputs of a model."""
        self.cuts.begin(output)
        for tensor in tensors(output):
            self._derived[id(tensor)] = Derived(tensor, tensor)
            self._made[id(tensor)] = tensor

    def foreign(self, output: Any) -> None:
        """Take what another network put out: it moves, as targets do not."""
        for tensor in tensors(output):
            self._made[id(tensor)] = tensor

    @property
    def plain(self) -> bool:
        """Whether nothing was met but outputs, and a loss of them."""
        return not self.policy and self.crossed is None and self.cuts.plain and self.weighed.plain

    def __bool__(self) -> bool:
        return bool(self._derived)

    def of(self, tensor: torch.Tensor) -> Derived | None:
        """Return how a tensor was made of an output; None where it was not."""
        return self._derived.get(id(tensor))

    def was_made(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor was computed from outputs, or from parameters that nobody saw used."""
        return tensor.requires_grad or id(tensor) in self._made

    def call(self, name: str, args: tuple[Any, ...], options: Mapping[str, Any], result: Any) -> None:
        """Take in a call of a function of PyTorch."""
        if cut_from(name, args, result) is not None:
            self.foreign(result)  # as a target it moves with the network
        self.weighed.call(name, args, result)
        self.drawn.call(name, args, result)
        self.cuts.call(name, args, options, result)
        if not self._made:
            return
        given = [w for w in (*args, *options.values()) if isinstance(w, torch.Tensor | tuple | list)]
        inputs = [w for w in tensors(given) if id(w) in self._made]
        if not inputs:
            return
        plain = plain_name(name)
        made = tensors(result)
        for tensor in made:
            self._made[id(tensor)] = tensor
        first = next((d for w in inputs if (d := self._derived.get(id(w))) is not None), None)
        if first is None:
            return
        self._meet(plain, first, tensors(given))
        if plain in _RESIDUALS:
            self._cross(first, tensors(given), result)
        over = plain in _SOFTMAXES and over_first_axis(result, args[1:], options)
        chain = self._chain(plain, first, result, over_samples=over)
        if chain is not None:
            for tensor in made:
                pure = not chain and tensor.is_floating_point()
                self._derived[id(tensor)] = Derived(tensor, tensor if pure else first.source, chain)

    def _chain(self, name: str, first: Derived, result: Any, *, over_samples: bool) -> tuple[str, ...] | None:
        """Return what has been done to the outputs now; None: they are followed no further."""
        if name == "__get__" and not (
            isinstance(result, torch.Tensor) and result.numel() == first.tensor.numel()
        ):
            return None
        if name in _SHAPES:
            return first.chain
        if name in _SOFT:
            return (*first.chain, name + OVER_SAMPLES if over_samples else name)
        return (*first.chain, "decided") if name in _DECIDING else None

    def _meet(self, name: str, first: Derived, given: list[torch.Tensor]) -> None:
        """Note a pair where an output meets a tensor that was not made from outputs."""
        others = [w for w in given if id(w) not in self._made and w.ndim and not w.requires_grad]
        drawn = [w for w in given if id(w) in self._made and w is not first.tensor and not w.requires_grad]
        likely = any("log" in step or "softmax" in step for step in first.chain) or "sub" in first.chain
        if name in ("gather", "__getitem__", "take_along_dim") and likely:
            picked = [w for w in others if not w.is_floating_point() and w.dtype != torch.bool]
            self.policy = self.policy or any(not w.is_floating_point() for w in drawn)
            fitting = [w for w in picked if _picks(w, first.source)]
            if fitting:
                self.pairs.append(Pair("classes", first.source, _column(fitting[-1]), first.applied))
        elif name in _SAME and "decided" in first.chain:
            fitting = [w for w in others if _answers(w, first.source)]
            if fitting:
                self.pairs.append(Pair("answers", first.source, fitting[0], first.applied))
        elif name in _RESIDUALS and not first.applied:
            fitting = [w for w in others if w.is_floating_point() and _fits(w, first.tensor)]
            if fitting and len(others) == 1 and not first.chain:
                self.pairs.append(Pair("values", first.tensor, fitting[0], first.applied))

    def _cross(self, first: Derived, given: list[torch.Tensor], result: Any) -> None:
        """Note where every output of a column is compared with every target of a row."""
        y, n = first.tensor, first.tensor.numel()
        others = [w for w in given if id(w) not in self._made and not w.requires_grad and w.numel() == n]
        rows = sorted(w.ndim for w in (y, *others[:1])) == [1, 2] and n > 1
        if rows and getattr(result, "shape", None) == (n, n):
            self.crossed = tuple(y.shape), tuple(others[0].shape)


def over_first_axis(result: Any, args: tuple[Any, ...], options: Mapping[str, Any]) -> bool:
    """Whether a softmax of two axes or more was taken over the first one, along which samples lie."""
    axis = options.get("dim", args[0] if args else None)
    if not isinstance(axis, int) or not isinstance(result, torch.Tensor) or result.ndim < 2:
        return False
    return axis % result.ndim == 0


def _picks(t: torch.Tensor, y: torch.Tensor) -> bool:
    """Whether class numbers t pick one entry of each row of y."""
    t = _column(t)
    return y.ndim >= 2 and t.shape == y.shape[:-1]


def _column(t: torch.Tensor) -> torch.Tensor:
    return t.squeeze(-1) if t.ndim > 1 and t.shape[-1] == 1 else t


def _answers(t: torch.Tensor, y: torch.Tensor) -> bool:
    return t.shape == y.shape[:-1] or t.numel() == y.numel() or t.numel() * y.shape[-1] == y.numel()


def _fits(t: torch.Tensor, y: torch.Tensor) -> bool:
    """Whether values t stand beside y, row by row."""
    return len(t) == len(y) and y.ndim >= 1 and (t.shape == y.shape or t.numel() >= len(y))
