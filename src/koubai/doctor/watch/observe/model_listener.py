"""Model listener: hears what a training program does, and writes down what of it the doctor may know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from koubai.doctor.watch.hooks.guard import Guard
from koubai.doctor.watch.hooks.wires import Wires
from koubai.doctor.watch.observe.between import Between
from koubai.doctor.watch.observe.calls import Calls
from koubai.doctor.watch.observe.evaluation import Evaluation
from koubai.doctor.watch.observe.evaluation_listener import EvaluationListener
from koubai.doctor.watch.observe.interest import TrainingInterest
from koubai.doctor.watch.observe.loaders import Loaders
from koubai.doctor.watch.observe.shutter import Shutter
from koubai.doctor.watch.observe.step_losses import StepLosses
from koubai.doctor.watch.observe.taker import Taker
from koubai.doctor.watch.observe.updates import Updates
from koubai.doctor.watch.program.models import have_gradients, is_compiled
from koubai.doctor.watch.program.nested import first_tensor
from koubai.doctor.watch.program.walk import copy_of
from koubai.doctor.watch.seen.record import value_of
from koubai.doctor.watch.seen.seen import Seen

_ALWAYS_ASKED = (1, 2)  # updates after which gradients are asked for, whenever the next close-up is due


class ModelListener(EvaluationListener):
    """Hears one model's forward and backward passes, losses and updates.

    | field   | meaning                                                            |
    |---------|--------------------------------------------------------------------|
    | seen    | what it has seen                                                   |
    | losses  | the losses of the step under way                                   |
    | guard   | stands between all this and the training                           |
    | stepped | is told of updates, of those between looks now and then            |
    | aside   | whether it is the doctor who runs the model: then nothing is heard |
    """

    def __init__(self, seen: Seen, every: int | None, switch_off: Callable[[str], None]) -> None:
        self.seen = seen
        self.losses = StepLosses()
        self.guard = Guard(switch_off)
        self.aside = False
        self._wires = Wires(self, self.guard)
        self._calls, self._evaluation, self._updates = Calls(seen), Evaluation(seen), Updates(seen)
        self._shutter = Shutter(seen, every, Taker(seen, self._evaluation), guard=self.guard)
        self.stepped: Callable[[], None] | None = None
        self._mixed = False  # whether others' backward passes lie between our steps
        self._interest, self._follows = TrainingInterest(seen), False  # whether this pass is followed
        self._loaders, self._guessed = Loaders(seen), False  # whether it may be one of training for all that
        self._between = Between(self, self._wires, self._updates, self._interest, self._end_step)
        self._reset_step()

    def _reset_step(self, *, in_step: bool = False) -> None:
        self._in_step, self._differentiated = in_step, False  # whether a loss of this step has been, too
        self._fresh: bool | None = None  # whether a backward pass of this step began without any gradient
        self.losses.reset()

    @property
    def blind(self) -> bool:
        """Whether the model runs compiled, so that hooks see nothing of it."""
        return self.seen.blind

    def begin(self) -> None:
        """Listen."""
        if self.seen.copies:
            self.seen.start = copy_of(self.seen.root)
        self._wires.connect()

    def end(self) -> None:
        """Take all hooks off, and write down what waits."""
        if self.seen.hand and self._in_step:
            self.guard(self.after_step, None)
        self.guard(self._end_evaluation)
        self._wires.disconnect()
        self._shutter.give_up()
        self.guard(self.write_down)

    def give_up(self) -> None:
        """Hear no more; hooks that are just being run through stay, without effect, until `end`."""
        self._wires.listen_lightly()
        self._shutter.give_up()
        self.write_down()

    def write_down(self) -> None:
        """Write what waits into the history."""
        self._between.end()
        self._evaluation.end_pass()
        self.seen.record.end_evaluation(self.seen.step)
        self.seen.record.flush()

    def continue_from(self, parts: list[ModelListener]) -> None:
        """Take over from observers of parts, in the middle of a step."""
        main = max(parts, key=lambda part: len(part.losses.roots))
        self._in_step, self._fresh = True, main._fresh
        self.losses.roots = list(main.losses.roots)
        self.seen.loop.passes, self.seen.backwards = main.seen.loop.passes, main.seen.backwards
        self.seen.loss.names = dict(main.seen.loss.names)

    # ------------------------------------------------------------------------------------ forward

    def compiled(self, model: Any, result: Any) -> None:
        """A part of the program is compiled: no recorder may be open in it."""
        self._shutter.give_up()
        self.seen.blind = True

    def stand_aside(self) -> None:
        """Close what is open."""
        self._shutter.give_up()

    def before_forward(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        """See the step closely if it is time; keep inputs."""
        if self.aside:
            return
        if self._differentiated and torch.is_grad_enabled():
            self._update_by_hand()
        if not self._calls.begins(module):
            return
        self._shutter.close()
        trains = getattr(self.seen.root, "training", True) or self.seen.loop.test_mode is not None
        trains = trains and torch.is_grad_enabled()
        self._guessed = trains and self._loaders.evaluates
        begin = self._begin_pass if trains and not self._guessed else self._evaluation.begin_pass
        self._follows = begin(args)

    def _begin_pass(self, args: tuple[Any, ...]) -> bool:
        self._end_evaluation()
        self.seen.note_place("model")
        self._in_step = True
        if not (follows := self._interest.begins()) and not self._shutter.due:
            return False
        x = first_tensor(args)
        if x is not None and x.ndim:
            self.seen.see_batch(x)
        if self._shutter.due and self._shutter.close_up is None and not self.seen.blind:
            self._shutter.begin_close_up(len(x) if x is not None and x.ndim else 0)
        return follows

    def after_forward(
        self, module: nn.Module, args: tuple[Any, ...], options: dict[str, Any], output: Any
    ) -> None:
        """Wait for the loss, where it is not known where that comes from."""
        if module is self.losses.criterion and self._in_step and not self.aside:
            self.losses.measure(next(iter(self.seen.loss.names), ""), args, output)
        if self.aside or not self._calls.ends(module, args, options, looked=self._shutter.looking):
            return
        seen, evaluating = self.seen, self._evaluation.under_way
        if not evaluating:
            self._take_call(args, options)
            if self._shutter.close_up is not None:
                seen.spreads.see(seen.step + 1, args, options, output)
        if not self._shutter.open and (not seen.blind or is_compiled(seen.model)) and self._follows:
            self._shutter.await_loss()
        if self._shutter.open:
            self._shutter.take_output(output)

    def _take_call(self, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        """Note how the model is called, and inputs that are given by keyword."""
        self.seen.replayable = len(args) == 1 and not options and isinstance(args[0], torch.Tensor)
        if self._shutter.close_up is not None:
            self.seen.shifted.called(args, options)
        if first_tensor(args) is not None or not (self._follows or self._shutter.due):
            return
        if (x := first_tensor(options)) is not None and x.ndim:
            self.seen.see_batch(x)

    # ------------------------------------------------------------------------------------ loss

    def _end_evaluation(self) -> None:
        if self._evaluation.under_way:
            self._shutter.close()
            self._evaluation.end()

    def told(self, loss: torch.Tensor) -> None:
        """Take the loss of this step from the program itself."""
        self._between.end()
        self.losses.told.append(value_of(loss))

    def before_scaling(self, scaler: Any, loss: Any) -> None:
        """Keep the loss as it is before it is scaled."""
        self._between.end()
        if self._in_step and isinstance(loss, torch.Tensor):
            self.losses.scaled(loss)
            if self._shutter.close_up is not None:
                self._shutter.close_up.scale = float(scaler.get_scale())

    def scaled_step(self, optimizer: Any, made: bool) -> None:
        """Note whether a scaler let an update be made."""
        if not self.aside and self._updates.has_own(optimizer):
            self.seen.loop.scaled(made)

    def clipped(self, parameters: Any, most: Any, length: Any) -> None:
        """Note how long the model's gradients are, and how long they may be."""
        first = next(iter(parameters), None) if isinstance(parameters, list | tuple) else None
        if self.aside or id(first) not in self.seen.names.params or not getattr(length, "is_cpu", True):
            return
        self.seen.note_place("clipping")
        self.seen.loop.clip(float(most), float(length))

    # ------------------------------------------------------------------------------------ backward, step

    def before_backward(self, roots: Any, adds: bool = True) -> None:
        """Keep the loss."""
        if self.aside:
            return
        if self._guessed and self._evaluation.under_way:
            self._evaluation.drop()
            self._loaders.misled()
            self._in_step = True
        if self._differentiated and self._update_by_hand():  # the pass between went by unheard
            self._in_step = True
        seen = self.seen
        seen.note_place("backward")
        seen.loop.backward(training=getattr(seen.root, "training", True))
        seen.backwards += 1
        if not self._in_step:
            self._mixed = True
            return
        if self._shutter.open:
            self._shutter.close()
        if not adds:
            self._fresh = True
        if not self._fresh and (self._shutter.close_up is not None or seen.step in _ALWAYS_ASKED):
            self._fresh = not have_gradients(self._updates.parameters())
        seen.loop.passes += not seen.step
        seen.see_loss(roots)
        self.losses.differentiated(roots)
        self._differentiated = True

    def _update_by_hand(self) -> bool:
        """Write a step down that the program itself made since the last backward pass; return if it did."""
        made = self._updates.made_by_hand()
        if made:
            self.after_step(None)
        return made

    def after_backward(self) -> None:
        """Take the gradients, before anyone clips them."""
        self.seen.penalties.measure(self.seen.root)
        if self._shutter.looking and self._in_step and not self.aside:
            self._shutter.take_gradients(len(self.losses.roots), scaling=self.losses.scaling)

    def before_step(self, optimizer: Any) -> None:
        """Take gradients that came by another way than `backward`."""
        if self.aside:
            return
        self._updates.begins()
        if self._shutter.idle or not self._updates.concerns(optimizer):
            return
        self._shutter.close()
        if self._shutter.close_up is not None and not self._shutter.close_up.has_gradients:
            self._shutter.take_gradients(len(self.losses.roots), scaling=self.losses.scaling)

    def after_step(self, optimizer: Any) -> None:
        """Write the step down."""
        if self.aside or not self._updates.counts(optimizer, differentiated=bool(self.losses.roots)):
            return
        seen, loop = self.seen, self.seen.loop
        self._updates.take(optimizer, fresh=self._fresh)
        close_up, self._shutter.close_up = self._shutter.close_up, None
        if close_up is not None:
            loop.ascends = loop.ascends or close_up.factor < 0
            self.losses.learn(close_up, self._shutter.criterion, seen.record)
            loop.factor(close_up.factor)
            seen.loss.alone = self.losses.alone or self.losses.criterion is not None
        self.losses.write(seen.record, seen.step)
        self._shutter.finish(close_up)
        self._end_step()
        if self.stepped is not None:
            self.stepped()

    def _end_step(self) -> None:
        """Listen lightly while nothing is wanted: the next backward pass is taken for ours then."""
        self._between.end()
        criterion, wanted = self.losses.criterion, self._shutter.due or self._interest.follows()
        lightly, plain = not (self._mixed or wanted or criterion), self.losses.plain
        self._calls.reset()
        self._reset_step(in_step=lightly)
        if not lightly:
            self._wires.hear_only(self._calls.heard(criterion))
            self._wires.listen_closely()
            return
        self._interest.passes_unheard()
        self._wires.listen_lightly()
        if plain and self._shutter.idle and self.seen.terms.settled:
            self._between.begin(min(self._shutter.next_look - 1, self.seen.step + self._interest.unheard))
