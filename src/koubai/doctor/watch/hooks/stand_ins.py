"""What stands in for functions of PyTorch while somebody watches: the same, and listeners are told of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import torch
from torch import nn

from koubai.doctor.watch.hooks.listener import is_elsewhere

Tell: TypeAlias = Callable[..., None]
"""Calls all listeners' method of a name, with values."""


def backward(tell: Tell, original: Any) -> Any:
    """Tell of a backward pass."""

    def standing_in(tensors: Any, *args: Any, **options: Any) -> Any:
        tell("before_backward", tensors)
        result = original(tensors, *args, **options)
        tell("after_backward")
        return result

    return standing_in


def grad(tell: Tell, original: Any) -> Any:
    """Gradients of parameters are a backward pass; those of inputs are part of a loss."""

    def standing_in(outputs: Any, inputs: Any, *args: Any, **options: Any) -> Any:
        if not isinstance(inputs, torch.Tensor | tuple) and isinstance(inputs, Iterable):
            inputs = list(inputs)  # a generator goes by once only
        given = inputs if isinstance(inputs, list | tuple) else [inputs]
        ours = not is_elsewhere() and any(isinstance(w, nn.Parameter) for w in given)
        if ours:
            tell("before_backward", outputs, False)
        result = original(outputs, inputs, *args, **options)
        if ours:
            tell("after_backward")
        return result

    return standing_in


def clip(tell: Tell, original: Any) -> Any:
    """Tell how long gradients are, and how long they may be."""

    def standing_in(parameters: Any, max_norm: Any, total_norm: Any, *args: Any, **options: Any) -> Any:
        result = original(parameters, max_norm, total_norm, *args, **options)
        if not is_elsewhere():
            tell("clipped", parameters, max_norm, total_norm)
        return result

    return standing_in


def scale(tell: Tell, original: Any) -> Any:
    """Tell of a loss before it is scaled."""

    def standing_in(scaler: Any, outputs: Any) -> Any:
        tell("before_scaling", scaler, outputs)
        return original(scaler, outputs)

    return standing_in


def train(tell: Tell, original: Any) -> Any:
    """Tell that a module trains, or is evaluated, from now on."""

    def standing_in(module: nn.Module, mode: bool = True) -> nn.Module:
        found: nn.Module = original(module, mode)
        tell("after_mode")
        return found

    return standing_in
