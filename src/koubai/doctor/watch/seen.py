"""Seen: everything a watch has written down of a training run. Patients and notes are made from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from koubai.core.params import Shape
from koubai.doctor.watch.look import Look
from koubai.doctor.watch.loop import Loop
from koubai.doctor.watch.loss_rule import LossRule
from koubai.doctor.watch.memory import Memory
from koubai.doctor.watch.models import coupled_decays, is_compiled, unwrapped
from koubai.doctor.watch.record import Record
from koubai.doctor.watch.sight import Names

_HELD_ROWS = 2000


class Seen:
    """What was given to the watch, and what it saw.

    | field           | meaning                                                                        |
    |-----------------|--------------------------------------------------------------------------------|
    | root            | the user's own module, inside compiled and distributed wrappers                |
    | blind           | whether it runs compiled: its layers cannot be seen while it trains            |
    | step, planned   | updates seen, and how many there will be, if told                              |
    | memory, held    | samples trained on, samples evaluated on                                       |
    | rule            | how the loss follows from the outputs; None: not known (yet)                   |
    | replayable      | whether the model is called with one tensor, so that it can be run again       |
    | rates           | learning rates seen                                                            |
    | modes           | which modules train, by module                                                 |
    | start           | the tensors the model began with; None where they were not kept                |
    | loop            | what the loop itself does: updates, modes, gradients that are kept             |
    | crossed         | shapes of an output and of targets that the loss crossed by broadcasting       |
    | refused         | what the model said when it was run again                                      |
    | failure         | what went wrong in the watch itself, which is switched off since               |
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Any,
        loss_fn: Callable[..., torch.Tensor] | None,
        steps: int | None,
        budget: float,
    ) -> None:
        self.model, self.root = model, unwrapped(model)
        self.blind = is_compiled(model)
        given = optimizer if isinstance(optimizer, Sequence) else [optimizer]
        self.optimizers = [each for each in given if each is not None]
        self.planned, self.budget = steps, budget
        self.names = Names.of(self.root)
        self.step = 0
        self.record = Record()
        self.memory, self.held = Memory(), Memory(_HELD_ROWS)
        self.rule: LossRule | None = LossRule(loss_fn, {}) if loss_fn is not None else None
        self.replayable = True
        self.samples: int | None = None
        self.batch_size: int | None = None
        self.rates: set[float] = set()
        self.modes: dict[nn.Module, bool] = {}
        self.losses_seen: dict[str, None] = {}
        self.had_gradient: set[str] = set()
        self.first_look: Look | None = None
        self.last_look: Look | None = None
        self.start: dict[str, torch.Tensor] | None = None
        self.loop = Loop()
        self.crossed: tuple[Shape, Shape] | None = None
        self.refused: str | None = None
        self.failure: str | None = None

    @property
    def decays(self) -> dict[str, float]:
        """The weight decay that enters the gradient of each parameter that has one."""
        return coupled_decays(self.optimizers, self.names.params)
