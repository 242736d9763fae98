"""Wires: where a watch is connected to a training loop, and how it is taken off again.

| place                        | by                                    | seen                             |
|------------------------------|---------------------------------------|----------------------------------|
| the model's forward          | hooks of that module                  | inputs, outputs, training or not |
| an optimizer's step          | hooks of that optimizer, or of all    | updates, learning rate           |
| torch.autograd.backward      | put in its place while anyone watches | the loss that is differentiated  |
| GradScaler.scale             | likewise                              | the loss before it is scaled     |
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, Protocol

import torch
from torch import nn
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)


class Listener(Protocol):
    """What a watch wants to hear."""

    def before_forward(self, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        """The model is about to run on these arguments."""
        ...

    def after_forward(self, output: Any) -> None:
        """The model has put this out."""
        ...

    def before_backward(self, roots: list[torch.Tensor]) -> None:
        """Gradients of these tensors are about to be computed."""
        ...

    def after_backward(self) -> None:
        """They have been."""
        ...

    def before_scaling(self, scaler: Any, loss: Any) -> None:
        """A loss is about to be scaled for half precision."""
        ...

    def before_step(self, optimizer: Any) -> None:
        """An optimizer is about to change its parameters."""
        ...

    def after_step(self, optimizer: Any) -> None:
        """It has."""
        ...


class Wires:
    """The connections of one listener."""

    def __init__(self, module: nn.Module, optimizers: Iterable[Any] | None, listener: Listener) -> None:
        self._module, self._listener = module, listener
        self._optimizers = None if optimizers is None else list(optimizers)
        self._handles: list[Any] = []

    def connect(self) -> None:
        """Begin to listen."""
        listener = self._listener

        def before(module: Any, args: Any, options: Any) -> None:
            listener.before_forward(args, options)

        def after(module: Any, args: Any, output: Any) -> None:
            listener.after_forward(output)

        def before_step(optimizer: Any, args: Any, options: Any) -> None:
            listener.before_step(optimizer)

        def after_step(optimizer: Any, args: Any, options: Any) -> None:
            listener.after_step(optimizer)

        self._handles = [
            self._module.register_forward_pre_hook(before, with_kwargs=True),
            self._module.register_forward_hook(after),
        ]
        if self._optimizers is None:
            self._handles += [
                register_optimizer_step_pre_hook(before_step),
                register_optimizer_step_post_hook(after_step),
            ]
        for optimizer in self._optimizers or ():
            self._handles += [
                optimizer.register_step_pre_hook(before_step),
                optimizer.register_step_post_hook(after_step),
            ]
        _listeners.append(listener)
        if len(_listeners) == 1:
            _put_in_place()

    def disconnect(self) -> None:
        """Take everything off."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        if self._listener in _listeners:
            _listeners.remove(self._listener)
            if not _listeners:
                _put_back()


_listeners: list[Listener] = []
_originals: dict[str, Any] = {}


def _put_in_place() -> None:
    original_backward = _originals["backward"] = torch.autograd.backward
    original_scale = _originals["scale"] = torch.amp.GradScaler.scale

    @functools.wraps(original_backward)
    def backward(tensors: Any, *args: Any, **options: Any) -> Any:
        roots = [tensors] if isinstance(tensors, torch.Tensor) else list(tensors)
        heard = list(_listeners)
        for listener in heard:
            listener.before_backward(roots)
        result = original_backward(tensors, *args, **options)
        for listener in heard:
            listener.after_backward()
        return result

    @functools.wraps(original_scale)
    def scale(scaler: Any, outputs: Any) -> Any:
        for listener in _listeners:
            listener.before_scaling(scaler, outputs)
        return original_scale(scaler, outputs)

    torch.autograd.backward = backward
    torch.amp.GradScaler.scale = scale


def _put_back() -> None:
    torch.autograd.backward = _originals.pop("backward")
    torch.amp.GradScaler.scale = _originals.pop("scale")
