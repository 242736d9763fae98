"""Kept calls: how a model, or the parts of one that is called in parts, was called in a step looked at."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from torch import nn

from koubai.doctor.watch.program.nested import tensors
from koubai.doctor.watch.seen.shifted_call import copied, is_plain

_BYTES = 16 * 2**20  # of all calls that are kept
_MOST = 12
_OF_ONE = 2  # calls of one module in a step: the first may be that of an empty state
_STEPS = 100  # after so many without a call that can be kept, none is to be expected


@dataclass(frozen=True)
class KeptCall:
    """A module, and copies of what it was called with."""

    module: nn.Module
    args: tuple[Any, ...]
    options: dict[str, Any]


class KeptCalls:
    """Keeps the outermost calls of one step: `calls`."""

    def __init__(self) -> None:
        self.calls: list[KeptCall] = []
        self._inside: list[int] = []
        self._bytes = 0
        self._steps = _STEPS

    def begins(self, module: nn.Module, names: Container[int]) -> None:
        """A module is called, perhaps one of those that are known."""
        if self._steps and id(module) in names:
            self._inside.append(id(module))

    def ends(
        self, module: nn.Module, args: tuple[Any, ...], options: dict[str, Any], *, looked: bool
    ) -> None:
        """It has ended; `looked` says whether this is a step of training that is looked at."""
        if not self._steps or id(module) not in self._inside:
            return
        while self._inside.pop() != id(module):
            pass  # calls that ended in an exception the model caught
        again = sum(call.module is module for call in self.calls)
        if self._inside or not looked or again >= _OF_ONE or len(self.calls) >= _MOST:
            return
        size = sum(x.numel() * x.element_size() for x in tensors((args, options)))
        if is_plain((args, options)) and self._bytes + size <= _BYTES:
            self._bytes += size
            self.calls.append(KeptCall(module, *copied((args, options))))

    def step_ends(self) -> None:
        """Keep the calls of the first step that had any."""
        self._inside = []
        self._steps = 0 if self.calls else max(0, self._steps - 1)
