"""The losses of one training step, by whoever knew them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from koubai.doctor.watch.look import Look
from koubai.doctor.watch.record import Record, Value, value_of


class StepLosses:
    """What is known of the loss of the step under way, and of how it follows from what is differentiated.

    | field    | meaning                                                                          |
    |----------|----------------------------------------------------------------------------------|
    | roots    | what was differentiated, one for each backward pass                              |
    | told     | what the user told                                                               |
    | measured | what the criterion returned, where what is differentiated is more than the loss  |
    | unscaled | the loss before a gradient scaler multiplied it, until its backward pass         |
    | scaling  | whether a gradient scaler is at work                                             |
    | factor   | of what is differentiated on the loss: 1/2 for two batches a step                |
    """

    def __init__(self) -> None:
        self.roots: list[Value] = []
        self.told: list[Value] = []
        self.measured: list[Value] = []
        self.unscaled: Value | None = None
        self.scaling = False
        self.factor = 1.0
        self._hook: Any = None  # on the criterion, where what is differentiated is not the loss alone

    def reset(self) -> None:
        """Begin a new step."""
        for losses in (self.roots, self.told, self.measured):
            losses.clear()
        self.unscaled, self.scaling = None, False

    def scaled(self, loss: torch.Tensor) -> None:
        """Keep a loss as it is before it is scaled."""
        self.unscaled, self.scaling = value_of(loss), True

    def differentiated(self, roots: Any) -> None:
        """Take what a backward pass begins at, if that is one number."""
        root = roots if isinstance(roots, torch.Tensor) else roots[0] if len(roots) == 1 else None
        if root is not None and root.numel() == 1:
            self.roots.append(value_of(root) if self.unscaled is None else self.unscaled)
            self.unscaled = None

    def learn(
        self, look: Look, criterion: nn.Module | None, called: Callable[[nn.Module, Any, Any], None]
    ) -> None:
        """Take the factor from a look; call `called` after the criterion from now on, if there is more to it.

        The factor does not tell the loss where a penalty, or another loss, was added to it.
        """
        self.factor = look.factor / look.scale
        if criterion is None or self._hook is not None or len(self.roots) != 1:
            return
        if abs(float(self.roots[0]) - look.loss * self.factor) > 1e-5 * abs(look.loss):
            self._hook = criterion.register_forward_hook(called)

    def stop(self) -> None:
        """Listen to the criterion no more."""
        if self._hook is not None:
            self._hook.remove()

    def write(self, record: Record, step: int) -> None:
        """Write the step's loss down."""
        if self.told or self.measured:
            record.loss(step, self.told or self.measured, 1.0)
        elif self.roots:
            record.loss(step, self.roots, self.factor)
