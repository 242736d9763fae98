"""Direct calls: `model.forward(x)`, which passes PyTorch's hooks by.

Only where an optimizer made an update and no module that owns its parameters was called: then `forward` is
replaced at the classes of that module's parts, until the watch ends or something reads the program's code.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from koubai.doctor.watch.program.walk import modules_of


class DirectCalls:
    """Tells of calls of `forward` that did not come from a call of the module.

    `last` is the module whose call a hook has just told of, by identity: its `forward` comes next.

    Args:
        before: is told of a module and its arguments, as a hook would be.
        after: is told of the module, its arguments, its options and its output.
    """

    def __init__(self, before: Callable[..., None], after: Callable[..., None]) -> None:
        self._before, self._after = before, after
        self.last = 0
        self._originals: dict[Any, Any] = {}  # by class

    def hear(self, root: nn.Module) -> None:
        """Replace `forward` at the classes of a module and of all inside it."""
        for _, module in modules_of(root):
            cls: Any = next((cls for cls in type(module).__mro__ if "forward" in vars(cls)), nn.Module)
            if cls is not nn.Module and cls not in self._originals:
                self._originals[cls] = cls.forward
                cls.forward = functools.wraps(cls.forward)(self._standing_in(cls.forward))

    def put_back(self) -> None:
        """Give every class its own `forward` again."""
        while self._originals:
            cls, original = self._originals.popitem()
            cls.forward = original

    def _standing_in(self, original: Any) -> Any:
        def forward(module: nn.Module, *args: Any, **options: Any) -> Any:
            told, self.last = self.last == id(module), 0
            if told or torch.compiler.is_compiling():
                return original(module, *args, **options)
            self._before(module, args)
            self.last = 0
            output = original(module, *args, **options)
            self._after(module, args, options, output)
            return output

        return forward
