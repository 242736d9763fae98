"""Wires: where a watch is connected to a training loop, and how it is taken off again.

| place                        | by                                    | seen                             |
|------------------------------|---------------------------------------|----------------------------------|
| the model's forward          | hooks of that module                  | inputs, outputs, training or not |
| an optimizer's step          | hooks of that optimizer, or of all    | updates, learning rate           |
| torch.autograd.backward      | put in its place while anyone watches | the loss that is differentiated  |
| GradScaler.scale             | likewise                              | the loss before it is scaled     |
| Module.train (and eval)      | likewise                              | that an evaluation begins        |
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

from koubai.doctor.watch.guard import Guard


class Listener(Protocol):
    """What a watch wants to hear."""

    def before_forward(self, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        """The model is about to run on these arguments."""
        ...

    def after_forward(self, output: Any) -> None:
        """The model has put this out."""
        ...

    def before_backward(self, roots: Any) -> None:
        """Gradients of a tensor, or of several, are about to be computed."""
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

    def after_mode(self) -> None:
        """A module was set to training or test mode."""
        ...


class Wires:
    """The connections of one listener.

    Even an empty hook costs some microseconds a call, so the model's forward pass and the begin of a step
    are heard only while someone listens closely.
    """

    def __init__(
        self, module: nn.Module, optimizers: Iterable[Any] | None, listener: Listener, guard: Guard
    ) -> None:
        self._module, self._listener, self._guard = module, listener, guard
        self._optimizers = None if optimizers is None else list(optimizers)
        self._close: list[Any] = []
        self._light: list[Any] = []

    def connect(self) -> None:
        """Begin to listen, closely."""

        def after_step(optimizer: Any, args: Any, options: Any) -> None:
            self.tell("after_step", optimizer)

        self._light = (
            [register_optimizer_step_post_hook(after_step)]
            if self._optimizers is None
            else [optimizer.register_step_post_hook(after_step) for optimizer in self._optimizers]
        )
        _connected.append(self)
        if len(_connected) == 1:
            _put_in_place()
        self.listen_closely()

    def tell(self, event: str, *values: Any) -> None:
        """Call the listener's method of that name."""
        self._guard(getattr(self._listener, event), *values)

    def disconnect(self) -> None:
        """Take everything off."""
        self.listen_lightly()
        for handle in self._light:
            handle.remove()
        self._light = []
        if self in _connected:
            _connected.remove(self)
            if not _connected:
                _put_back()

    def listen_closely(self) -> None:
        """Hear forward passes and the begin of steps too."""
        if self._close:
            return

        def before(module: Any, args: Any, options: Any) -> None:
            self.tell("before_forward", args, options)

        def after(module: Any, args: Any, output: Any) -> None:
            self.tell("after_forward", output)

        def before_step(optimizer: Any, args: Any, options: Any) -> None:
            self.tell("before_step", optimizer)

        self._close = [
            self._module.register_forward_pre_hook(before, with_kwargs=True),
            self._module.register_forward_hook(after),
        ]
        if self._optimizers is None:
            self._close.append(register_optimizer_step_pre_hook(before_step))
        for optimizer in self._optimizers or ():
            self._close.append(optimizer.register_step_pre_hook(before_step))

    def listen_lightly(self) -> None:
        """Hear backward passes and the end of steps only."""
        for handle in self._close:
            handle.remove()
        self._close = []


_connected: list[Wires] = []
_originals: dict[str, Any] = {}


def _put_in_place() -> None:
    original_backward = _originals["backward"] = torch.autograd.backward
    original_scale = _originals["scale"] = torch.amp.GradScaler.scale
    original_train = _originals["train"] = nn.Module.train

    @functools.wraps(original_backward)
    def backward(tensors: Any, *args: Any, **options: Any) -> Any:
        for wires in _connected:
            wires.tell("before_backward", tensors)
        result = original_backward(tensors, *args, **options)
        for wires in _connected:
            wires.tell("after_backward")
        return result

    @functools.wraps(original_scale)
    def scale(scaler: Any, outputs: Any) -> Any:
        for wires in _connected:
            wires.tell("before_scaling", scaler, outputs)
        return original_scale(scaler, outputs)

    @functools.wraps(original_train)
    def train(module: nn.Module, mode: bool = True) -> nn.Module:
        original_train(module, mode)
        for wires in _connected:
            wires.tell("after_mode")
        return module

    nn.Module.train = train
    torch.autograd.backward = backward
    torch.amp.GradScaler.scale = scale


def _put_back() -> None:
    torch.autograd.backward = _originals.pop("backward")
    torch.amp.GradScaler.scale = _originals.pop("scale")
    nn.Module.train = _originals.pop("train")
