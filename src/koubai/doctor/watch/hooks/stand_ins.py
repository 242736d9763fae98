"""What stands in for functions of PyTorch while somebody watches: the same, and listeners are told of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import count
from typing import Any
from weakref import finalize

import torch
from torch import nn
from torch.utils.data import default_collate

from koubai.doctor.watch.hooks.listener import is_elsewhere
from koubai.doctor.watch.hooks.told import tell, told
from koubai.doctor.watch.program.loose import are_trained, lent
from koubai.doctor.watch.program.places import births

_turns = count()
READERS: tuple[tuple[Any, str], ...] = (
    (torch.jit, "script"),
    (torch.jit, "trace"),
    (torch.export, "export"),
    (torch.fx, "symbolic_trace"),
    (torch.fx.Tracer, "trace"),
)
"""Functions that read a program's code."""


def backward(original: Any) -> Any:
    """Tell of a backward pass."""

    def standing_in(tensors: Any, *args: Any, **options: Any) -> Any:
        for hear in told["before_backward"]:
            hear(tensors)
        result = original(tensors, *args, **options)
        for hear in told["after_backward"]:
            hear()
        return result

    return standing_in


def tensors_backward(original: Any) -> Any:
    """Tell before PyTorch asks who hears: whoever wants to hear no more of the pass can leave here."""

    def standing_in(tensor: torch.Tensor, *args: Any, **options: Any) -> Any:
        tell("pass_ends")
        return original(tensor, *args, **options)

    return standing_in


def grad(original: Any) -> Any:
    """Gradients of parameters are a backward pass; those of inputs are part of a loss."""

    def standing_in(outputs: Any, inputs: Any, *args: Any, **options: Any) -> Any:
        if not isinstance(inputs, torch.Tensor | tuple) and isinstance(inputs, Iterable):
            inputs = list(inputs)  # a generator goes by once only
        given = inputs if isinstance(inputs, list | tuple) else [inputs]
        if is_elsewhere() or not (
            any(isinstance(w, nn.Parameter) for w in given) or _are_loosely_trained(outputs, given)
        ):
            return original(outputs, inputs, *args, **options)
        tell("before_backward", outputs, False)
        result = original(outputs, inputs, *args, **options)
        with lent(given, result):
            tell("after_backward")
        return result

    return standing_in


def _are_loosely_trained(outputs: Any, given: Iterable[Any]) -> bool:
    with suppress(Exception):  # what the program hands over may be anything: its own call will tell
        return bool(told["before_backward"]) and are_trained(outputs, given)
    return False


def iterating(original: Any) -> Any:
    """Tell that a loader begins, and that it is over: its iterator is let go of then."""

    def standing_in(loader: Any) -> Any:
        iterator = original(loader)
        with suppress(Exception):  # an iterator of the program's own may be anything
            turn = next(_turns)
            finalize(iterator, tell, "loader_ends", turn).atexit = False
            plain = loader.collate_fn is default_collate and isinstance(loader.batch_size, int)
            tell("loader_begins", id(loader), turn, loader.batch_size if plain else 0)
        return iterator

    return standing_in


def clip(original: Any) -> Any:
    """Tell how long gradients are, and how long they may be."""

    def standing_in(parameters: Any, max_norm: Any, total_norm: Any, *args: Any, **options: Any) -> Any:
        result = original(parameters, max_norm, total_norm, *args, **options)
        if not is_elsewhere():
            tell("clipped", parameters, max_norm, total_norm)
        return result

    return standing_in


def scale(original: Any) -> Any:
    """Tell of a loss before it is scaled."""

    def standing_in(scaler: Any, outputs: Any) -> Any:
        tell("before_scaling", scaler, outputs)
        return original(scaler, outputs)

    return standing_in


def train(original: Any) -> Any:
    """Tell that a module is evaluated from now on; every module inside it is told of by itself."""

    def standing_in(module: nn.Module, mode: bool = True) -> nn.Module:
        found: nn.Module = original(module, mode)
        if not mode:
            tell("after_mode")
        return found

    return standing_in


def making(role: str, then: Callable[[], None], original: Any) -> Any:
    """Note the line where a module or an optimizer is made; `then` is called, too. Tell of an optimizer."""

    def standing_in(self: Any, *args: Any, **options: Any) -> None:
        if not torch.compiler.is_compiling():
            with suppress(Exception):  # a place is worth no error
                births.note(self, role)
                then()  # layers of Keras are modules: it is there before its first update
        original(self, *args, **options)
        if role == "optimizer" and not torch.compiler.is_compiling():
            tell("made", self)

    return standing_in


def gradients_off(original: Any) -> Any:
    """Tell that gradients are off for a while: so they are in an evaluation that keeps training mode."""

    def standing_in(off: Any) -> Any:
        if not torch.compiler.is_compiling():
            tell("gradients_off")
        return original(off)

    return standing_in
