"""Calls: where a forward pass of the model begins and ends, among all modules that are called."""

from __future__ import annotations

from typing import Any

from torch import nn

from koubai.doctor.watch.seen.seen import Seen


class Calls:
    """Finds the outermost call of the model; where only its `forward` is called, the first call of a part."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._whole = self._by_parts = False  # whether the model is called itself, or known by its parts
        self._inside = 0  # calls of the model that have begun

    def begins(self, module: nn.Module) -> bool:
        """Whether a pass begins with this call."""
        self._seen.kept.begins(module, self._seen.names.modules)
        if module is self._seen.model or module is self._seen.root:
            self._inside += 1
            self._whole = self._whole or self._inside == 1
            return self._inside == 1  # else called by itself, or within its wrapper
        if self._whole or self._by_parts or id(module) not in self._seen.names.modules:
            return False
        self._by_parts = True  # `forward` was called directly: its parts tell that it runs
        return True

    def ends(
        self, module: nn.Module, args: tuple[Any, ...], options: dict[str, Any], *, looked: bool
    ) -> bool:
        """Whether a pass ends with this call; `looked` says whether its step is looked at."""
        self._seen.kept.ends(module, args, options, looked=looked)
        if module is not self._seen.model and module is not self._seen.root:
            return False
        self._inside = max(0, self._inside - 1)
        return not self._inside

    def heard(self, criterion: nn.Module | None) -> set[int] | None:
        """Return whose calls matter, by identity: the model's, once it is called itself; None: all."""
        return {id(self._seen.model), id(self._seen.root), id(criterion)} if self._whole else None

    def reset(self) -> None:
        """A step ends: whatever had begun is over."""
        self._by_parts, self._inside = False, 0
        self._seen.kept.step_ends()
