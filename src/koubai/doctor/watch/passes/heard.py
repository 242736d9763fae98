"""Heard: the functions of PyTorch that a program without a module calls, until it differentiates a loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from koubai.doctor.patient.place import Place
from koubai.doctor.watch.passes.function_mode import FunctionMode
from koubai.doctor.watch.program.nested import tensors
from koubai.doctor.watch.program.places import users_place

_MOST = 1000  # calls
_BYTES = 64 * 2**20  # of results


@dataclass(frozen=True)
class Heard:
    """One call: of which function, on what, with what result, from which line. Its tensors are alive."""

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    options: dict[str, Any]
    result: Any
    nodes: tuple[Any, ...]
    place: Place | None

    @property
    def inputs(self) -> list[torch.Tensor]:
        """The tensors it was called with."""
        return tensors((self.args, self.options))


class Ear:
    """Hears calls whose results have a gradient, while it is open; of too many of them, the last ones."""

    def __init__(self, guard: Callable[..., None]) -> None:
        self._guard = guard
        self._mode, self._hears = FunctionMode(self._call), False  # one: it may be unable to leave its place
        self._calls: list[Heard] = []
        self._bytes = 0

    def open(self) -> None:
        """Hear from here on."""
        self._hears = True
        self._mode.open()

    def close(self) -> list[Heard]:
        """Hear no more; return what was heard."""
        calls, self._calls, self._bytes, self._hears = self._calls, [], 0, False
        self._mode.leave()
        return calls

    def _call(self, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        result = function(*args, **options)
        if self._hears and torch.is_grad_enabled():
            self._guard(self._take, function, args, options, result)
        return result

    def _take(
        self, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any], result: Any
    ) -> None:
        made = tensors(result)
        nodes = tuple(w.grad_fn for w in made if w.requires_grad and w.grad_fn is not None)
        if not nodes:
            return
        self._bytes += sum(w.numel() * w.element_size() for w in made)
        if self._bytes > _BYTES or len(self._calls) >= _MOST:
            self._calls, self._bytes = [], 0
        name = getattr(function, "__name__", "")
        self._calls.append(Heard(name, function, args, dict(options), result, nodes, users_place("layer")))
