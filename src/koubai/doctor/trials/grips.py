"""Grips: where a change takes hold of a program that knows nothing of it. Each is undone when it is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.overrides import TorchFunctionMode

OURS = "_koubai_helper"  # an attribute of optimizers that a change made for itself

CallEdit = Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], tuple[tuple[Any, ...], dict[str, Any]]]


@contextmanager
def around_steps(
    before: Callable[[Any], None] | None = None, after: Callable[[Any], None] | None = None
) -> Iterator[None]:
    """Call `before(optimizer)` and `after(optimizer)` around every step of every optimizer of the program."""

    def own(function: Callable[[Any], None]) -> Callable[..., None]:
        def hook(optimizer: Any, args: Any, options: Any) -> None:
            if not getattr(optimizer, OURS, False):
                function(optimizer)

        return hook

    handles: list[Any] = []
    if before is not None:
        handles.append(register_optimizer_step_pre_hook(own(before)))
    if after is not None:
        handles.append(register_optimizer_step_post_hook(own(after)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def put(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Put another value in the place of an attribute."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


@contextmanager
def around_calls(edit: CallEdit, running: nn.Module | None = None) -> Iterator[None]:
    """Let `edit(model, args, options)` change what a whole model is called with.

    A whole model is a module with parameters that no other module calls; a loss has none. `running` is one
    whose call has begun already: what it calls are its parts.
    """
    original = nn.Module.__call__
    depth = 0

    def call(module: nn.Module, *args: Any, **options: Any) -> Any:
        nonlocal depth
        if depth == 0 and any(True for _ in module.parameters()):
            args, options = edit(module, args, options)
        depth += 1
        try:
            return original(module, *args, **options)
        finally:
            depth -= 1

    if running is not None:
        depth = 1

        def returned(module: nn.Module, args: Any, output: Any) -> None:
            nonlocal depth
            depth -= 1
            handle.remove()

        handle = running.register_forward_hook(returned, always_call=True)
    with put(nn.Module, "__call__", call):
        yield


class _Functions(TorchFunctionMode):
    def __init__(self, edit: Callable[..., Any]) -> None:
        super().__init__()
        self._edit = edit

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), options: dict[str, Any] | None = None
    ) -> Any:
        args, options = self._edit(getattr(function, "__name__", ""), args, options or {})
        return function(*args, **options)


def around_functions(edit: Callable[..., Any]) -> TorchFunctionMode:
    """Let `edit(name, args, options)` change what any function of PyTorch is called with."""
    return _Functions(edit)


def map_tensors(value: Any, function: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """Return a value with a function applied to all tensors in it, through tuples, lists and dictionaries."""
    if isinstance(value, torch.Tensor):
        return function(value)
    if type(value) is dict:
        return {key: map_tensors(item, function) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map_tensors(item, function) for item in value)
    return value
