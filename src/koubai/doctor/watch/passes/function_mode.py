"""Function mode: hears what is called without a module, and can leave the stack of modes at any time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack, _pop_mode, _push_mode

from koubai.doctor.watch.hooks.listener import is_elsewhere

FunctionCall: TypeAlias = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]


class FunctionMode(TorchFunctionMode):
    """The function mode of one recorder: `call` runs a function and takes in what it did.

    Where `only` one function is heard, others pass by at once.
    """

    def __init__(self, call: FunctionCall, only: Callable[..., Any] | None = None) -> None:
        super().__init__()
        self._call: FunctionCall | None = call
        self._only = only
        self._on_stack = False

    def open(self) -> None:
        """Hear every function that is called."""
        if not self._on_stack:
            self.__enter__()
            self._on_stack = True

    def close(self) -> bool:
        """Hear no more, and leave the stack of modes; return whether it has left."""
        self._call = None
        return self.leave()

    def leave(self) -> bool:
        """Leave the stack of modes; return whether it has left: not inside a function that it is handling.

        Others may have entered since (a second model's watch): they go back in their order.
        """
        if self._on_stack and self in _get_current_function_mode_stack():
            above = []
            while (mode := _pop_mode()) is not self:
                above.append(mode)
            for mode in reversed(above):
                _push_mode(mode)
            self._on_stack = False
        return not self._on_stack

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), options: dict[str, Any] | None = None
    ) -> Any:
        call, options = self._call, options or {}
        passes_by = self._only is not None and function is not self._only
        if call is None or passes_by or is_elsewhere():
            return function(*args, **options)
        return call(function, args, options)


def undropped(function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Run a function of PyTorch, but for dropout: what it is given stays whole.

    It is copied, as dropout does it: what comes next may work in place.
    """
    if "dropout" not in getattr(function, "__name__", ""):
        return function(*args, **options)
    return torch.clone(args[0] if args else options["input"])
