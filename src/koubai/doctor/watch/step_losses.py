"""The losses of one training step, by whoever knew them."""

from __future__ import annotations

from typing import Any

import torch

from koubai.doctor.watch.record import Record, Value, value_of


class StepLosses:
    """What is known of the loss of the step under way.

    | field    | meaning                                                                          |
    |----------|----------------------------------------------------------------------------------|
    | roots    | what was differentiated, one for each backward pass                              |
    | told     | what the user told                                                               |
    | measured | what the criterion returned, where what is differentiated is more than the loss  |
    | unscaled | the loss before a gradient scaler multiplied it, until its backward pass         |
    | scaling  | whether a gradient scaler is at work                                             |
    """

    def __init__(self) -> None:
        self.roots: list[Value] = []
        self.told: list[Value] = []
        self.measured: list[Value] = []
        self.unscaled: Value | None = None
        self.scaling = False

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

    def write(self, record: Record, step: int, factor: float) -> None:
        """Write the step's loss down; what was differentiated is `factor` times the loss."""
        if self.told or self.measured:
            record.loss(step, self.told or self.measured, 1.0)
        elif self.roots:
            record.loss(step, self.roots, factor)
