"""Target wait: in a pass like those before it, only the targets that the loss is called with are awaited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from koubai.doctor.watch.passes.function_mode import FunctionMode
from koubai.doctor.watch.passes.loss_call import names_of_arguments


class TargetWait:
    """Hears one loss function; `targets` is what its calls of this pass were given."""

    def __init__(self, function: Callable[..., Any], guard: Callable[..., None]) -> None:
        self.targets: list[Any] = []
        self._names, self._guard = names_of_arguments(function), guard
        self._mode = FunctionMode(self._call, only=function)

    def open(self) -> None:
        """Begin to wait."""
        self._mode.open()

    def close(self) -> bool:
        """Wait no longer; return whether all traces are gone, as a recorder does."""
        return self._mode.close()

    def _call(self, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        value = function(*args, **options)
        self._guard(self._lose, args, options)
        return value

    def _lose(self, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        given = dict(zip(self._names, args, strict=False)) | options
        t = given.get("target")
        self.targets.append(t if isinstance(t, torch.Tensor) and not t.requires_grad else None)
