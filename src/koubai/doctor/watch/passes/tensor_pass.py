"""Tensor pass: what a program without a module computed on its way to a loss, told as layers and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from koubai.doctor.patient.layer_facts import OTHER
from koubai.doctor.watch.passes.heard import Heard
from koubai.doctor.watch.passes.pass_recorder import PassRecorder
from koubai.doctor.watch.program.graph import reached
from koubai.doctor.watch.program.kinds import (
    LOSSES,
    OTHER_LOSSES,
    function_kind,
    function_settings,
    plain_name,
)
from koubai.doctor.watch.program.nested import first_tensor, tensors

_MOST = 20_000  # nodes of a graph
_PRODUCTS = dict.fromkeys(("matmul", "__matmul__", "__rmatmul__", "mm", "addmm", "linear"), "linear") | {
    "conv1d": "conv1d", "conv2d": "conv2d",
    **dict.fromkeys(("mv", "bmm", "einsum", "conv3d", "embedding", "__getitem__", "index_select"), OTHER),
}  # fmt: skip
_SUMS = ("add", "__add__", "__radd__", "__iadd__")
_REDUCING = ("sum", "mean", "norm", "vector_norm", "prod", "std", "var", "dist", "abs", "max", "min")


@dataclass(frozen=True)
class _Own:
    """What was made of trained tensors alone: their names, and whether it is a number that sums them up."""

    names: tuple[str, ...]
    reduced: bool = False


class TensorPass:
    """The calls behind one loss, in order.

    Outputs are what comes of the last call, before a known loss, that joins trained tensors with others;
    inputs are what they are joined with.
    """

    def __init__(self, heard: Sequence[Heard], root: torch.Tensor, names: Mapping[int, str]) -> None:
        nodes, self.whole = reached([root.grad_fn], _MOST)
        self.calls = [call for call in heard if any(node in nodes for node in call.nodes)]
        self._own: dict[int, _Own] = {key: _Own((name,)) for key, name in names.items()}
        self._joins: list[tuple[int, _Own]] = []
        for i, call in enumerate(self.calls):
            self._follow(i, call)

    def _follow(self, i: int, call: Heard) -> None:
        own = self._own_of(call)
        if not own:
            return
        names = _names_of(own)
        if len(own) == len(call.inputs):
            reduced = any(each.reduced for each in own) or plain_name(call.name) in _REDUCING
            self._own |= {id(w): _Own(names, reduced) for w in tensors(call.result)}
        elif not all(each.reduced for each in own):
            self._joins.append((i, _Own(names)))

    @cached_property
    def _end(self) -> int:
        """The number of the first call of a known loss."""
        return next((i for i, call in enumerate(self.calls) if call.name in LOSSES), len(self.calls))

    @property
    def outputs(self) -> dict[int, torch.Tensor]:
        """What the network puts out, by the number of the call: several times in a loop over time."""
        joins = [(i, own) for i, own in self._joins if i < self._end]
        if not joins:
            return {}
        last, last_own = joins[-1]
        name = self.calls[last].name
        same = [i for i, own in joins if own.names == last_own.names and self.calls[i].name == name]
        found = ((i, first_tensor(self.calls[i].result)) for i in same)
        return {i: y for i, y in found if y is not None}

    @property
    def inputs(self) -> list[torch.Tensor]:
        """The tensors without a gradient that trained ones are joined with, each once, up to the outputs."""
        found = {
            id(w): w
            for i, _ in self._joins
            if i < self._end
            for w in self.calls[i].inputs
            if not w.requires_grad and w.ndim and id(w) not in self._own
        }
        return list(found.values())

    @property
    def sideways(self) -> bool:
        """Whether samples lie along the last axis, as where weights stand left of what they weigh."""
        return any(
            self._kind(self.calls[i]) == "linear"
            and self.calls[i].name != "linear"
            and id(first_tensor(self.calls[i].args)) in self._own
            for i, _ in self._joins
        )

    def _own_of(self, call: Heard) -> list[_Own]:
        """What of a call's inputs was made of trained tensors alone."""
        return [self._own[id(w)] for w in call.inputs if id(w) in self._own]

    @staticmethod
    def _kind(call: Heard) -> str | None:
        return _PRODUCTS.get(plain_name(call.name))

    # ------------------------------------------------------------------------------------ told

    def tell(self, recorder: PassRecorder, *, layers: bool) -> None:
        """Tell a recorder of layers, outputs and losses, as if it had heard them itself."""
        outputs, begun = self.outputs, False
        waiting: tuple[Heard, _Own] | None = None
        counts: dict[str, int] = {}
        layers = layers and not self.sideways
        for i, call in enumerate(self.calls):
            if layers:
                waiting = self._tell_layer(recorder, call, waiting, counts)
            if call.name in LOSSES:
                recorder.lose(call.name, call.function, call.args, call.options, call.result, call.place)
            elif call.name in OTHER_LOSSES:
                recorder.other_losses.append(call.name)
            elif begun:
                recorder.trail.call(call.name, call.args, call.options, call.result)
            if i in outputs:
                recorder.trail.begin(outputs[i])
                begun = True
        if waiting is not None:
            _take(recorder, *waiting, waiting[0].result)

    def _tell_layer(
        self,
        recorder: PassRecorder,
        call: Heard,
        waiting: tuple[Heard, _Own] | None,
        counts: dict[str, int],
    ) -> tuple[Heard, _Own] | None:
        """Tell of a layer, if a call is one; return a product that waits for its bias."""
        own = self._own_of(call)
        if own and len(own) == len(call.inputs):
            return waiting  # a bias that is brought into shape
        if waiting is not None:
            product, weight = waiting
            added = call.name in _SUMS and any(w is product.result for w in call.inputs)
            if added and len(own) == 1 and not own[0].reduced:
                _take(recorder, product, _Own((*weight.names, *own[0].names)), call.result)
                return None
            _take(recorder, product, weight, product.result)
        if own and len(own) < len(call.inputs) and self._kind(call) is not None:
            if not isinstance(call.result, torch.Tensor):
                return None
            names = _names_of(own)
            if plain_name(call.name) == "addmm":
                names = (*names[1:], names[0])
            return call, _Own(names)
        kind = function_kind(call.name) or _rectifies(call)
        if kind is not None and not own and (u := first_tensor((call.args, call.options))) is not None:
            number = counts[kind] = counts.get(kind, 0) + 1
            path = kind if number == 1 else f"{kind}_{number}"
            known = function_kind(call.name) is not None
            settings = function_settings(call.name, call.args, call.options) if known else {}
            recorder.take(path, kind, settings, (), u, call.result, call.place)
        return None


def _names_of(own: Sequence[_Own]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for each in own for name in each.names))


def _take(recorder: PassRecorder, product: Heard, own: _Own, y: Any) -> None:
    """Have a recorder take a product with weights, and what was added to it, as a layer."""
    others = [w for w in product.inputs if w.is_floating_point()]
    u = next((w for w in others if w.ndim and not w.is_leaf), others[0] if others else None)
    kind = _PRODUCTS[plain_name(product.name)]
    if isinstance(y, torch.Tensor) and y.is_floating_point():
        recorder.take(own.names[0], kind, {}, own.names, u, y, product.place)


def _rectifies(call: Heard) -> str | None:
    """Return "relu" for max(x, 0), however that is written."""
    name = plain_name(call.name)
    least: Any = None
    if name in ("clamp", "clip"):
        values = [*call.args[1:], *call.options.values()]
        least = (
            values[0]
            if len([v for v in values if v is not None]) == 1 and "max" not in call.options
            else None
        )
    elif name == "clamp_min":
        least = next(iter([*call.args[1:], *call.options.values()]), None)
    elif name in ("max", "maximum"):
        both = call.inputs
        least = both[1] if len(both) == 2 and not both[1].requires_grad else None
    if isinstance(least, torch.Tensor):
        least = float(least.detach()) if least.numel() == 1 else 0 if not least.any() else None
    return "relu" if isinstance(least, int | float) and least == 0 else None
