"""Tensor search: finds tensors that are trained without a module: an optimizer's, or those behind a loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from koubai.doctor.watch.observe.tensor_listener import TensorListener
from koubai.doctor.watch.passes.heard import Ear, Heard
from koubai.doctor.watch.program.graph import leaves_among, reached, root_of
from koubai.doctor.watch.program.loose import MOST_NODES, LooseTensors, is_loose, named, weighs
from koubai.doctor.watch.program.models import hands_over
from koubai.doctor.watch.watcher import Watch

_LOOKS = 8  # backward passes whose graph is looked at; then each power of 2
_PATIENCE = 4  # times that parameters are met with no module that has them, until they count
_MOST_SETS = 8


class TensorSearch:
    """Watches sets of such tensors: those of each optimizer, and those that reach a loss together."""

    def __init__(self, watch: Callable[[nn.Module], Watch], guard: Callable[..., None]) -> None:
        self._watch = watch
        self._looks = 0
        self._met: dict[int, int] = {}  # how often a parameter has been met before its module
        self._ear = Ear(guard)
        self._heard: list[Heard] = []
        self.watches: list[Watch] = []

    def begin(self) -> None:
        """Hear what is computed before the first pass: only then is it known what is trained."""
        self._ear.open()

    def end(self) -> None:
        """Hear no more."""
        self._ear.close()

    def pass_ends(self) -> None:
        """A pass ends: keep what was heard of the first one."""
        self._heard = self._ear.close()

    def made(self, optimizer: Any) -> None:
        """Watch the tensors of an optimizer that is made, if none is a parameter of a module."""
        held = hands_over(optimizer)
        if all(is_loose(p) for p in held) and not any(self._of(p) for p in held):
            self._ear.close()
            if (listener := self._begin(held)) is not None:
                listener.hear()

    def differentiated(self, roots: Any, is_known: Callable[[int], bool]) -> None:
        """Look at what a loss depends on; `is_known` tells parameters of a module that is watched."""
        heard, self._heard = self._ear.close() or self._heard, []
        self._looks += 1
        root = root_of(roots)
        if root is None or (self._looks > _LOOKS and self._looks & (self._looks - 1)):
            return
        nodes, whole = reached([root.grad_fn], MOST_NODES)
        leaves = [leaf for leaf in leaves_among(nodes) if leaf.is_floating_point()]
        leaves.reverse()  # the first used first
        if not whole or any(is_known(id(leaf)) for leaf in leaves):
            return
        if (parameter := next((leaf for leaf in leaves if isinstance(leaf, nn.Parameter)), None)) is not None:
            self._met[id(parameter)] = met = self._met.get(id(parameter), 0) + 1
            if met < _PATIENCE:
                return
        for other in self.watches:
            if isinstance(other.listener, TensorListener):
                other.listener.owns(leaves)
        unknown = [leaf for leaf in leaves if self._of(leaf) is None]
        known = {id(watch): watch for leaf in leaves if (watch := self._of(leaf)) is not None}
        if unknown and not known:
            listener = self._begin(unknown, [leaf for leaf in unknown if weighs(leaf, nodes)])
            if listener is not None:
                listener.begin_in_pass(heard, roots)
        elif unknown and len(known) == 1:
            (watch,) = known.values()
            left = [leaf for leaf in unknown if weighs(leaf, nodes)]
            if left and not watch.seen.step and isinstance(watch.listener, TensorListener):
                watch.listener.take(left, weights=True)

    def hush(self) -> None:
        """A module is called: what is heard is no part of loose tensors' passes."""
        self._ear.close()
        for watch in self.watches:
            if isinstance(watch.listener, TensorListener):
                watch.listener.hush()

    def _begin(
        self, tensors: list[torch.Tensor], weights: list[torch.Tensor] | None = None
    ) -> TensorListener | None:
        if not tensors or len(self.watches) == _MOST_SETS:
            return None
        root = LooseTensors(named(tensors))
        watch = self._watch(root)
        self.watches.append(watch)
        listener = watch.listener
        if not isinstance(listener, TensorListener):
            return None
        sure = {id(w) for w in weights or ()}
        listener.weights = {name for name, w in root.tensors.items() if id(w) in sure}
        return listener

    def _of(self, tensor: torch.Tensor) -> Watch | None:
        return next((watch for watch in self.watches if id(tensor) in watch.seen.names.params), None)
