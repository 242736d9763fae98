"""The losses of one training step, by whoever knew them."""

from __future__ import annotations

from math import isnan
from typing import Any

import torch
from torch import nn

from koubai.doctor.watch.passes.close_up import CloseUp
from koubai.doctor.watch.passes.loss_call import LossCall
from koubai.doctor.watch.seen.record import LossValue, Record, value_of


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
    | criterion | the module of the loss, where what is differentiated is not the loss alone      |
    | alone    | whether what is differentiated is the loss that was seen, times a factor         |
    """

    def __init__(self) -> None:
        self.roots: list[LossValue] = []
        self.told: list[LossValue] = []
        self.measured: list[LossValue] = []
        self.unscaled: LossValue | None = None
        self.scaling = False
        self.factor = 1.0
        self.criterion: nn.Module | None = None
        self.alone = True
        self._learned = False

    def reset(self) -> None:
        """Begin a new step."""
        for losses in (self.roots, self.told, self.measured):
            losses.clear()
        self.unscaled, self.scaling = None, False

    @property
    def plain(self) -> bool:
        """Whether this step's loss is just what was differentiated."""
        return not (self.scaling or self.told or self.measured)

    def scaled(self, loss: torch.Tensor) -> None:
        """Keep a loss as it is before it is scaled."""
        self.unscaled, self.scaling = value_of(loss), True

    def differentiated(self, roots: Any) -> None:
        """Take what a backward pass begins at, if that is one number."""
        root = roots if isinstance(roots, torch.Tensor) else roots[0] if len(roots) == 1 else None
        if root is not None and root.numel() == 1:
            self.roots.append(value_of(root) if self.unscaled is None else self.unscaled)
            self.unscaled = None

    def measure(self, name: str, args: tuple[Any, ...], output: Any) -> None:
        """Take what the criterion returned, where it was called on outputs and targets."""
        if self.criterion is not None and len(args) == 2 and isinstance(output, torch.Tensor):
            mse_loss, options = torch.nn.functional.mse_loss, vars(self.criterion)
            self.measured.append(LossCall(name, mse_loss, *args, options, output).mean)

    def learn(self, close_up: CloseUp, criterion: nn.Module | None, record: Record) -> None:
        """Take the factor from a close-up; hear the criterion from now on, if there is more to it.

        The factor does not tell the loss where a penalty, or another loss, was added to it. The losses of the
        steps before the first close-up were written down without it.
        """
        self.factor = close_up.factor / close_up.scale
        if not self._learned and not self.told:
            record.divide(self.factor)
        self._learned = True
        if self.criterion is not None or len(self.roots) != 1 or isnan(close_up.loss):
            return
        if abs(float(self.roots[0]) - close_up.loss * self.factor) > 1e-5 * abs(close_up.loss):
            self.alone = False
            self.criterion = criterion
            if criterion is not None:  # its calls of this step went by unheard, but for the one looked at
                self.measured.append(close_up.loss)

    def write(self, record: Record, step: int) -> None:
        """Write the step's loss down."""
        if self.told or self.measured:
            record.loss(step, self.told or self.measured, 1.0)
        elif self.roots:
            record.loss(step, self.roots, self.factor)
