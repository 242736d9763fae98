"""What can be heard of a training program, and when nothing may be."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import nn


class Listener(Protocol):
    """What a watch wants to hear; who inherits these methods does nothing at the others."""

    def before_forward(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        """A module is about to run on these arguments (those by keyword are told after)."""
        return

    def after_forward(
        self, module: nn.Module, args: tuple[Any, ...], options: dict[str, Any], output: Any
    ) -> None:
        """It has put this out."""
        return

    def loader_begins(self, loader: int, turn: int, stacked: int) -> None:
        """The program begins to go through a `DataLoader`, known by its identity.

        Each time that it does has its own number, `turn`. `stacked` is how many samples it puts into a batch,
        one behind the other along the first axis; 0: it is not known that it does.
        """
        return

    def loader_ends(self, turn: int) -> None:
        """It is through with it this time, or has left it."""
        return

    def pass_ends(self) -> None:
        """A tensor's `backward` is called: what is computed from here on is no part of the forward pass."""
        return

    def before_backward(self, roots: Any, adds: bool = True) -> None:
        """Gradients of a tensor, or of several, are about to be computed, and added to those of before."""
        return

    def after_backward(self) -> None:
        """They have been."""
        return

    def clipped(self, parameters: Any, most: Any, length: Any) -> None:
        """Gradients of parameters, together of a length, were shortened to `most` if they were longer."""
        return

    def before_scaling(self, scaler: Any, loss: Any) -> None:
        """A loss is about to be scaled for half precision."""
        return

    def scaled_step(self, optimizer: Any, made: bool) -> None:
        """A gradient scaler had an optimizer make its update, or skipped it."""
        return

    def made(self, optimizer: Any) -> None:
        """An optimizer has been made."""
        return

    def before_step(self, optimizer: Any) -> None:
        """An optimizer is about to change its parameters."""
        return

    def after_step(self, optimizer: Any) -> None:
        """It has."""
        return

    def after_mode(self) -> None:
        """A module was set to test mode."""
        return

    def gradients_off(self) -> None:
        """Gradients are off for a while."""
        return

    def compiled(self, model: Any, result: Any) -> None:
        """Something has been compiled: what runs inside can be seen no more."""
        return

    def stand_aside(self) -> None:
        """Close every eye: something is about to read the program's code."""
        return


def is_elsewhere() -> bool:
    """Whether PyTorch is not computing but tracing, compiling or transforming."""
    return bool(
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or torch._C._functorch.peek_interpreter_stack() is not None
    )
