"""Seen: everything a watch has written down of a training run. Patients and notes are made from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from koubai.core.params import Shape
from koubai.doctor.patient.clinic import Clinic
from koubai.doctor.patient.origin import Origin
from koubai.doctor.patient.place import Place
from koubai.doctor.watch.future import Shown
from koubai.doctor.watch.look import Look
from koubai.doctor.watch.loop import Loop
from koubai.doctor.watch.loss_rule import LossRule
from koubai.doctor.watch.memory import Answers, Memory
from koubai.doctor.watch.models import coupled_decays, is_compiled, unwrapped
from koubai.doctor.watch.places import users_place
from koubai.doctor.watch.record import Record
from koubai.doctor.watch.sight import LossCall, Names

_HELD_ROWS = 2000
_TARGETS = 40  # batches
_RIVAL = 0.2  # of this model's updates: one that made fewer was trained in another phase


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
    | modes           | which modules train, by identity                                               |
    | start           | the tensors the model began with; None where they were not kept                |
    | loop            | what the loop itself does: updates, modes, gradients that are kept             |
    | crossed         | shapes of an output and of targets that the loss crossed by broadcasting       |
    | refused         | what the model said when it was run again                                      |
    | failure         | what went wrong in the watch itself, which is switched off since               |
    | answers, held_answers | outputs beside their targets, of training and of evaluation              |
    | made            | how often a new optimizer took the place of the one before                     |
    | hand            | whether the program itself changes the parameters (None: not known yet)        |
    | by_hand         | what a loss written by hand compares the outputs with: classes, values; or None |
    | policy          | whether outputs are asked for the likelihood of what was drawn from them       |
    | moving          | whether the targets are computed by a network                                  |
    | calls, backwards | forward passes that were heard, and backward passes                           |
    | loss_alone      | whether what is differentiated is the loss that was seen, times a factor       |
    | before_loss     | activations between the model and its loss                                     |
    | of_outputs      | whether the loss is known to take what the model puts out                      |
    | died            | the error with which the program ended                                         |
    | places          | lines of the program, by role, at the first time                               |
    | rivals          | watches of other models of the program that were trained, too                  |
    | loss_targets    | targets of some of its calls, for the loss of knowing nothing                  |
    | other_clinic    | where trials can be made if the model has no twin; None: nowhere               |
    | shown           | a call of the model whose targets are its own inputs, one place on             |
    | trace           | finds the operation whose number was the first that is not finite; None: nothing can |
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
        self.modes: dict[int, bool] = {}
        self.losses_seen: dict[str, None] = {}
        self.had_gradient: set[str] = set()
        self.first_look: Look | None = None
        self.last_look: Look | None = None
        self.start: dict[str, torch.Tensor] | None = None
        self.loop = Loop()
        self.crossed: tuple[Shape, Shape] | None = None
        self.answers, self.held_answers = Answers(), Answers()
        self.made = 0
        self.hand: bool | None = None
        self.by_hand: str | None = None
        self.policy = self.moving = False
        self.loss_alone = True
        self.calls = self.backwards = 0
        self.before_loss: tuple[str, ...] = ()
        self.of_outputs = True
        self.first_call: tuple[str, Any, dict[str, Any]] = ("", None, {})
        self.loss_targets: list[torch.Tensor] = []
        self.refused: str | None = None
        self.failure: str | None = None
        self.died: str | None = None
        self.rivals: list[Seen] = []
        self.places: dict[str, Place] = {}
        self._placed: set[str] = set()
        self.other_clinic: Callable[[], Clinic | None] | None = None
        self.shown = Shown()
        self.trace: Callable[[], Origin | None] | None = None

    def note_loss(self, call: LossCall, *, first: bool) -> None:
        """Write down what a call of the loss tells besides its value."""
        self.moving = self.moving or call.moving
        if call.place is not None:
            self.places.setdefault("loss", call.place)
        if first:
            self.first_call = call.name, call.function, dict(call.options)
            self.of_outputs = call.origin is not None
            if call.origin is not None:
                self.before_loss = call.origin.applied
        if call.name == self.first_call[0] and len(self.loss_targets) < _TARGETS and not call.moving:
            self.loss_targets.append(call.t.detach().to("cpu", copy=True))

    def note_place(self, role: str) -> None:
        """Note the line of the program that is being run, the first time."""
        if role in self._placed:
            return
        self._placed.add(role)
        if (place := users_place(role)) is not None:
            self.places[role] = place

    @property
    def evaluations(self) -> int:
        """How often the loss was computed for updates: L-BFGS does so many times in each of them."""
        inner = any(type(optimizer).__name__ == "LBFGS" for optimizer in self.optimizers)
        return self.backwards if inner else self.step

    @property
    def duel(self) -> bool:
        """Whether several optimizers each descend a loss of their own, as networks that compete do."""
        rivals = [other for other in self.rivals if other.step > _RIVAL * self.step]
        updates = self.step + sum(other.step for other in rivals)
        return bool(rivals) and updates <= 1.2 * self.backwards

    @property
    def need_not_fall(self) -> str | None:
        """Why the loss need not fall although all is well; None where it should."""
        if self.duel:
            return "duel"
        if self.policy:
            return "policy"
        return "moving" if self.moving else None

    @property
    def decays(self) -> dict[str, float]:
        """The weight decay that enters the gradient of each parameter that has one."""
        return coupled_decays(self.optimizers, self.names.params)
