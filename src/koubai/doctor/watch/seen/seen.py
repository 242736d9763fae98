"""Seen: everything that was seen of the training of one model. Patients and diaries are made from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from koubai.doctor.patient.duel import Duel
from koubai.doctor.patient.place import Place
from koubai.doctor.watch.passes.close_up import CloseUp
from koubai.doctor.watch.passes.entropies import Entropies
from koubai.doctor.watch.passes.forces import Forces
from koubai.doctor.watch.passes.loss_rule import LossRule
from koubai.doctor.watch.passes.penalties import Penalties
from koubai.doctor.watch.passes.rounding import Rounding
from koubai.doctor.watch.passes.scales import Scales
from koubai.doctor.watch.passes.sinks import Sinks
from koubai.doctor.watch.passes.squashed import Squashed
from koubai.doctor.watch.passes.terms import CutTerms
from koubai.doctor.watch.passes.watched_layer import Names
from koubai.doctor.watch.program.graph import LOOKS
from koubai.doctor.watch.program.models import (
    coupled_decays,
    is_compiled,
    is_lazy,
    size_in_bytes,
    unwrapped,
)
from koubai.doctor.watch.program.places import users_place
from koubai.doctor.watch.seen.answers import Answers
from koubai.doctor.watch.seen.evaluated import Evaluated
from koubai.doctor.watch.seen.kept_calls import KeptCalls
from koubai.doctor.watch.seen.kept_inputs import KeptInputs
from koubai.doctor.watch.seen.kept_samples import KeptSamples
from koubai.doctor.watch.seen.record import Record
from koubai.doctor.watch.seen.seen_loop import SeenLoop
from koubai.doctor.watch.seen.seen_loss import SeenLoss
from koubai.doctor.watch.seen.shifted_call import ShiftedCalls
from koubai.doctor.watch.seen.spreads import Spreads
from koubai.doctor.watch.seen.vain import Vain

_COPIED_BYTES = 512 * 2**20  # initial weights and gradients are kept of models up to this size
_HELD_ROWS = 2000
# Of this model's updates (a critic makes five to one): a model that made fewer was trained in another phase.
_RIVAL = 0.1
# Updates to a backward pass: an encoder and a decoder with an optimizer each make two; three networks make
# four in three, where the encoder is trained once with its decoder, once against a critic.
_SHARED = 1.4


class Seen:
    """What was seen, and what the program told.

    | field           | meaning                                                                        |
    |-----------------|--------------------------------------------------------------------------------|
    | model, root     | the model, and the user's own module in it, inside its wrappers                |
    | names           | paths of its modules and parameters                                            |
    | optimizers      | those that change it; the first counts the updates                             |
    | blind           | whether it runs compiled: its layers cannot be seen while it trains            |
    | copies          | whether it is small enough that tensors of it are kept                         |
    | start           | the tensors it began with; None where they were not kept                       |
    | modes           | which modules train, by identity                                               |
    | step, planned   | updates seen, and how many there will be, if told                              |
    | backwards       | backward passes                                                                |
    | record          | the history, and what waits to be written to it                                |
    | loss            | what is known of the loss                                                      |
    | loop            | what the loop itself does: updates, modes, gradients that are kept             |
    | rates           | learning rates                                                                 |
    | made            | how often a new optimizer took the place of the one before                     |
    | hand            | whether the program itself changes the parameters (None: not known yet)        |
    | trained, held   | samples trained on, samples evaluated on                                       |
    | answers, held_answers | outputs beside their targets, of training and of evaluation              |
    | samples, batch_size | how many there are to train on, if told; most in a batch                   |
    | first, last     | the first and the latest step that was seen closely                            |
    | had_gradient    | parameters that had a gradient in one of these                                 |
    | stacked         | how many samples loaders stacked in a batch, along the first axis              |
    | kept            | how the model, or its parts, were called in a step of training                 |
    | asked           | inputs of evaluations, whatever became of the answers                          |
    | evaluated       | in which mode answers were asked for that were compared                        |
    | shifted         | a call of the model whose targets are its own inputs, one place on             |
    | replayable      | whether it is called with one tensor, so that it can be run again              |
    | one_input       | whether all it computes is made of one tensor, although it is never called     |
    | refused         | what it said when it was run again                                             |
    | failure         | what went wrong in the watch itself, which is switched off since               |
    | died            | the error with which the program ended                                         |
    | places          | lines of the program, by role, at the first time                               |
    | spreads         | how much what it puts out differs from sample to sample                        |
    | opponents       | what is known of two networks of the program that compete                      |
    | allied          | whether two networks that should compete push the same way                     |
    | rivals          | what was seen of other models of the program that were trained, too            |
    | taught          | updates, of the first ones, beside which a copy of it was asked without gradients |
    | followed        | updates, and the share of its way that a copy which follows it has gone by then |
    | stands          | updates in all of which no copy of it has changed; None: not known             |
    | squashed        | a function of the loss that takes one number of the whole batch                |
    | rounding        | updates that the precision of the weights rounds away                          |
    | terms           | summands of the loss that reach no parameter                                   |
    | sinks           | summands of the loss that have no lower bound                                  |
    | entropies       | the entropy of a policy in its loss                                            |
    | penalties       | summands of the loss that are sizes of parameters                              |
    | forces          | how hard summands of the loss pull, and what each has learned                  |
    | scales          | logarithms of scales in the loss, and which way they are pulled                |
    | swapped         | whether unlike pairs are pulled together, and like ones pushed apart           |
    | pairs_open      | whether pairs are compared, and it is open which of them are alike             |
    | paid            | returns that the program printed                                               |
    | vain            | optimizers of the program whose parameters never had a gradient                |
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Any = None,
        loss_fn: Callable[..., torch.Tensor] | None = None,
        steps: int | None = None,
    ) -> None:
        self.model, self.root = model, unwrapped(model)
        self.names = Names.of(self.root)
        given = optimizer if isinstance(optimizer, Sequence) else [optimizer]
        self.optimizers = [each for each in given if each is not None]
        self.blind = is_compiled(model)
        self.copies = not is_lazy(self.root) and size_in_bytes(self.root) <= _COPIED_BYTES
        self.start: dict[str, torch.Tensor] | None = None
        self.modes: dict[int, bool] = {}
        self.step, self.planned = 0, steps
        self.backwards = 0
        self.record = Record()
        self.loss = SeenLoss(None if loss_fn is None else LossRule(loss_fn, {}))
        self.loop = SeenLoop()
        self.rates: set[float] = set()
        self.made = 0
        self.hand: bool | None = None
        self.trained, self.held = KeptSamples(), KeptSamples(_HELD_ROWS)
        self.answers, self.held_answers = Answers(), Answers()
        self.samples: int | None = None
        self.batch_size: int | None = None
        self.first: CloseUp | None = None
        self.last: CloseUp | None = None
        self.had_gradient: set[str] = set()
        self.kept = KeptCalls()
        self.asked, self.evaluated = KeptInputs(), Evaluated()
        self.shifted = ShiftedCalls()
        self.replayable = True
        self.stacked: set[int] = set()
        self.one_input = False
        self.refused: str | None = None
        self.failure: str | None = None
        self.died: str | None = None
        self.places: dict[str, Place] = {}
        self._placed: set[str] = set()
        self.rivals: list[Seen] = []
        self.taught: set[int] = set()
        self.terms, self.sinks, self.scales = CutTerms(), Sinks(), Scales()
        self.entropies, self.penalties, self.forces = Entropies(), Penalties(), Forces()
        self.followed: tuple[int, float] | None = None
        self.stands: int | None = None
        self.squashed, self.rounding = Squashed(), Rounding()
        self.vain: list[Vain] = []
        self.spreads = Spreads()
        self.opponents: Duel | None = None
        self.allied = self.swapped = self.pairs_open = False
        self.paid: tuple[float, ...] = ()

    def see_batch(self, x: torch.Tensor, t: torch.Tensor | None = None) -> None:
        """Keep samples that are trained on; the last batch of an epoch may be smaller than the others."""
        self.trained.see_inputs(x)
        self.batch_size = max(self.batch_size or 0, len(x))
        if t is not None:
            self.trained.see_targets(t)

    def see_loss(self, roots: Any) -> None:
        """Look at the graph of what is differentiated, where somebody wants to."""
        if self.step > max(LOOKS) and self.step & (self.step - 1) and self.terms.settled:
            return  # see scales.py for the powers of 2
        self.terms.look(roots, self.step, self.names.params)
        self.sinks.look(roots, self.step)
        self.entropies.look(roots, self.step)
        self.penalties.look(roots, self.step, self.root)
        self.scales.look(roots, self.step)
        self.forces.look(roots, self.step)
        self.squashed.look(roots, self.step, self.batch_size)

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
        return bool(rivals) and updates <= _SHARED * self.backwards

    @property
    def need_not_fall(self) -> str | None:
        """Why the loss need not fall although all is well; None where it should."""
        if self.duel:
            return "duel"
        if self.loss.policy or self.entropies.policy:
            return "policy"
        return "moving" if self.loss.moving or len(self.taught) > 1 else None

    @property
    def decays(self) -> dict[str, float]:
        """The weight decay that enters the gradient of each parameter that has one."""
        return coupled_decays(self.optimizers, self.names.params)
