"""Watch: sees a user's own training loop from outside and tells what the doctor may know of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import ref

import torch
from torch import nn

from koubai.doctor.answer.diary import Diary
from koubai.doctor.answer.tell import Findings
from koubai.doctor.answer.verdict import Unseen, Verdict
from koubai.doctor.diagnose import consult
from koubai.doctor.patient.patient import Patient
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Finding
from koubai.doctor.watch.chart import make_patient
from koubai.doctor.watch.gaps import gaps
from koubai.doctor.watch.gaze import Gaze
from koubai.doctor.watch.guard import Guard
from koubai.doctor.watch.keeper import Keeper
from koubai.doctor.watch.look import Look
from koubai.doctor.watch.loss_rule import crossed_shapes, mean_value, rule_of
from koubai.doctor.watch.models import (
    hands_over,
    have_gradients,
    is_compiled,
    is_lazy,
    size_in_bytes,
)
from koubai.doctor.watch.nested import first_tensor
from koubai.doctor.watch.pace import Pace
from koubai.doctor.watch.record import value_of
from koubai.doctor.watch.scope import sentences
from koubai.doctor.watch.seen import Seen
from koubai.doctor.watch.sight import LossCall, Sight
from koubai.doctor.watch.step_losses import StepLosses
from koubai.doctor.watch.trail import Pair
from koubai.doctor.watch.walk import copy_of, modules_of, parameters_of, state_of
from koubai.doctor.watch.wires import Wires
from koubai.words import say

_ALWAYS_ASKED = (1, 2)  # updates after which gradients are asked for, whenever the next look is due
_COPIED_BYTES = 512 * 2**20  # initial weights and gradients are kept of models up to this size


class Watch(Seen):
    """Watches the training of a PyTorch model; a context manager.

    Args:
        model: any module; compiled and distributed wrappers are looked through.
        optimizer: the optimizer, or several (the first counts the steps); None: whichever steps the model.
        loss_fn: (outputs, targets) -> loss, where it is none of PyTorch's own on the model's output.
        every: look closely at every so many steps (and the first); None: as often as 1 % of the time allows.
        steps: how many updates are planned, if the doctor should know.
        budget: seconds that the doctor may spend on trying out causes, where the model allows it; 0: none.
        folder: a new folder in which the run is written down while it lasts; `koubai serve --runs` shows it.
            A Diary, where several watches write to one.

    Weights, random numbers, gradients and buffers are those of the same run without the watch, bit for bit.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Any = None,
        *,
        loss_fn: Callable[..., torch.Tensor] | None = None,
        every: int | None = None,
        steps: int | None = None,
        budget: float = 60.0,
        folder: str | Path | Diary | None = None,
    ) -> None:
        super().__init__(model, optimizer, loss_fn, steps, budget)
        diary = folder if isinstance(folder, Diary) or folder is None else Diary(folder)
        self._keeper = None if diary is None else Keeper(self, diary)
        self._pace = Pace(every)
        self._copies = not is_lazy(self.root) and size_in_bytes(self.root) <= _COPIED_BYTES
        self._guard = Guard(self._switch_off)
        self._wires = Wires(self, self._guard)
        self._gaze = Gaze(self.names, on_loss=self._on_loss, on_close=self._on_close, guard=self._guard)
        self._evaluating = self._aside = False
        self._mixed = False  # whether others' backward passes lie between our steps
        self._examined: tuple[int, Patient] | None = None
        self._judged: tuple[tuple[int, str | None], Verdict] | None = None
        self._slot: LossCall | Pair | None = None  # what the last pass of an evaluation was compared with
        self._called = self._in_pass = False
        self._inside = 0  # calls of the model that have begun
        self._others: list[Any] = []  # optimizers that do not count the steps, weakly held
        self._given = bool(self.optimizers)
        self._losses = StepLosses()
        self._reset_step()

    def _reset_step(self, *, in_step: bool = False) -> None:
        self._in_step = in_step
        self._fresh: bool | None = None  # whether a backward pass of this step began without any gradient
        self._losses.reset()

    # ------------------------------------------------------------------------------------ the user's side

    def __enter__(self) -> Watch:
        self._guard(self._begin)
        return self

    def _begin(self) -> None:
        if self._copies:
            self.start = copy_of(self.root)
        self._wires.connect()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take all hooks off; what was seen stays."""
        if self.hand and self._in_step:
            self._guard(self.after_step, None)
        self._guard(self._end_evaluation)
        self._wires.disconnect()
        self._look_away()
        self._guard(self._write_down)
        if self._keeper is not None:
            self._guard(self._keeper.end)

    def _look_away(self) -> None:
        """Close whatever is open."""
        self._gaze.close()
        self._gaze.look = None

    def _write_down(self) -> None:
        """Write what waits into the history."""
        self._close_slot()
        self.record.end_evaluation(self.step)
        self.record.flush()

    def _switch_off(self, failure: str) -> None:
        """Say once that the watch itself failed, and watch no more; the training goes on.

        Hooks that are just being run through stay where they are, without effect, until `stop`.
        """
        self.failure = failure
        with suppress(Exception):  # what is told must not depend on what failed
            self._wires.listen_lightly()
            self._look_away()
            self._write_down()
        with suppress(Warning):  # a program may turn warnings into errors; `scope` says it too
            warnings.warn(say("watch.failed", step=self.step, error=failure), RuntimeWarning, stacklevel=2)

    def batch(self, x: torch.Tensor, t: torch.Tensor | None = None) -> None:
        """Tell which samples are trained on next, where the watch cannot see it."""
        self._guard(self._take_batch, x, t)

    def _take_batch(self, x: torch.Tensor, t: torch.Tensor | None) -> None:
        self._see_inputs(x)
        if t is not None:
            self.memory.see_targets(t)

    def _see_inputs(self, x: torch.Tensor) -> None:
        """Keep a batch's inputs; the last batch of an epoch may be smaller than the others."""
        self.memory.see_inputs(x)
        self.batch_size = max(self.batch_size or 0, len(x))

    def loss(self, loss: torch.Tensor) -> torch.Tensor:
        """Tell the data loss of this step (without penalties); returns it."""
        self._guard(lambda: self._losses.told.append(value_of(loss)))
        return loss

    def loader(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Go through a loader of (x, t) batches, telling each; its data set's length is known then."""
        source: Any = getattr(batches, "dataset", None)
        self.samples = len(source) if hasattr(source, "__len__") else None
        for batch in batches:
            if isinstance(batch, Sequence) and len(batch) >= 2 and isinstance(batch[0], torch.Tensor):
                self.batch(batch[0], batch[1])
            yield batch

    @property
    def findings(self) -> list[Finding]:
        """What is wrong, the root first; [] when nothing is found: see `verdict`."""
        return self.verdict.findings

    @property
    def verdict(self) -> Verdict:
        """Findings, healthy, or not judged and why. What goes wrong in the doctor is told, not raised."""
        if self._judged is None or self._judged[0] != (self.step, self.died):
            try:
                visit = Consultation(self.patient())
                findings = Findings(consult(visit))
                verdict = Verdict(findings, gaps(self, visit), tuple(visit.hints))
            except Exception as error:  # a diagnosis may meet what nobody thought of
                self.failure = self.failure or f"{type(error).__name__}: {error}"
                failed = Unseen("failed", {"error": self.failure, "step": self.step})
                verdict = Verdict(Findings(), (failed,))
            self._judged = ((self.step, self.died), verdict)
            if self._keeper is not None:
                self._keeper.judged(verdict)
        return self._judged[1]

    def _repr_html_(self) -> str:
        from koubai.core.markup import block
        from koubai.doctor.answer.markup import verdict_html
        from koubai.train.notebook import loss_curve

        return block(verdict_html(self.verdict), loss_curve(self.record.history))

    def glance(self) -> Verdict:
        """Return the verdict of now without trials; nothing of it is kept."""
        kept, self.budget = (self.budget, self._examined), 0.0
        try:
            visit = Consultation(self.patient())
            return Verdict(Findings(consult(visit)), gaps(self, visit))
        finally:
            self.budget, self._examined = kept

    def continue_from(self, parts: list[Watch]) -> None:
        """Take over from watches of parts of the model, in the middle of a step."""
        main = max(parts, key=lambda part: len(part._losses.roots))
        self._in_step, self._fresh = True, main._fresh
        self._losses.roots = list(main._losses.roots)
        self.loop.passes, self.backwards = main.loop.passes, main.backwards
        self.losses_seen = dict(main.losses_seen)

    def patient(self) -> Patient:
        """What the doctor may know of the run so far."""
        if self._examined is None or self._examined[0] != self.step:
            self._guard(self._write_down)
            self._aside = True
            try:
                self._examined = (self.step, make_patient(self))
            finally:
                self._aside = False
        return self._examined[1]

    @property
    def scope(self) -> list[str]:
        """Sentences on what could not be seen, and on what is hardly meant."""
        return sentences(self)

    # ------------------------------------------------------------------------------------ forward

    def after_mode(self) -> None:
        """Listen to the forward passes of an evaluation."""
        if not self._aside and not self.blind and not getattr(self.root, "training", True):
            self._wires.listen_closely()

    def compiled(self, model: Any, result: Any) -> None:
        """A part of the program is compiled: no eye may be open in it."""
        self.stand_aside()
        self.blind = True

    def stand_aside(self) -> None:
        """Close what is open."""
        self._gaze.close()
        self._gaze.look = None

    def before_forward(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        """Look closely if it is time; keep inputs."""
        if self._aside:
            return
        if module is self.model or module is self.root:
            self._inside += 1
            if self._inside > 1:  # called by itself, or within its wrapper
                return
            self._called = True
        elif self._called or self._in_pass or id(module) not in self.names.modules:
            return
        else:
            self._in_pass = True  # `forward` was called directly: its parts tell that it runs
        self._gaze.close()
        self.calls += 1
        trains = getattr(self.root, "training", True) or self.loop.test_mode is not None
        if trains and torch.is_grad_enabled():
            self._begin_pass(args)
        else:
            self._begin_evaluation(args)

    def _begin_pass(self, args: tuple[Any, ...]) -> None:
        self._end_evaluation()
        self.note_place("model")
        self._in_step = True
        if not self._wanted and self.memory.full:
            return
        x = first_tensor(args)
        if x is not None and x.ndim:
            self._see_inputs(x)
        if self._wanted and self._gaze.look is None and not self.blind:
            self._begin_look(len(x) if x is not None and x.ndim else 0)

    @property
    def _wanted(self) -> bool:
        return self._pace.wants(self.step + 1)

    def _begin_look(self, samples: int) -> None:
        self._pace.begin()
        self.modes = {id(m): getattr(m, "training", True) for _, m in modules_of(self.root)}
        self.names.renew(self.root)
        whole = self.rule is None or not self.replayable or self.refused is not None
        self._gaze.begin_look(self.root, self.step + 1, samples=samples, whole=whole)

    def _begin_evaluation(self, args: tuple[Any, ...]) -> None:
        self._close_slot()
        self._evaluating = True
        x = first_tensor(args)
        if x is not None and x.ndim and not self.held.full:
            self.held.see_inputs(x)

    def after_forward(
        self, module: nn.Module, args: tuple[Any, ...], options: dict[str, Any], output: Any
    ) -> None:
        """Wait for the loss, where it is not known where that comes from."""
        if module is self._losses.criterion:
            self._criterion_called(args, output)
        if self._aside or (module is not self.model and module is not self.root):
            return
        self._inside = max(0, self._inside - 1)
        if self._inside:
            return
        if not self._evaluating:
            self._take_call(args, options)
        if (
            not self._gaze.open
            and (not self.blind or is_compiled(self.model))
            and (self._evaluating or self.rule is None or not self.memory.full)
        ):
            self._gaze.await_loss()
        if self._gaze.open:
            self._gaze.take_output(output)

    def _take_call(self, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        """Note how the model is called, and inputs that are given by keyword."""
        self.replayable = len(args) == 1 and not options and isinstance(args[0], torch.Tensor)
        if self._gaze.look is not None:
            self.shown.called(args, options)
        if first_tensor(args) is not None or not (self._wanted or not self.memory.full):
            return
        if (x := first_tensor(options)) is not None and x.ndim:
            self._see_inputs(x)

    # ------------------------------------------------------------------------------------ loss

    def _on_loss(self, call: LossCall) -> None:
        """A loss function of PyTorch was called while a sight was open."""
        if self._evaluating:
            if call.origin is not None or self._gaze.output is None:
                self._slot = call
            return
        self.losses_seen[call.name] = None
        self.note_loss(call, first=self.rule is None)
        if self.rule is None:
            self.rule = rule_of(call, self._gaze.output)
            self.crossed = crossed_shapes(call)
        self._take_targets(call.t)
        if (look := self._gaze.open_look) is not None:
            look.watch_loss(call.value, float(mean_value(call)))
            look.pair = look.pair or pair_of(call)

    def _criterion_called(self, args: Any, output: Any) -> None:
        """The module that computes the loss was called."""
        if self._in_step and not self._aside and len(args) == 2 and isinstance(output, torch.Tensor):
            name = next(iter(self.losses_seen), "")
            call = LossCall(name, torch.nn.functional.mse_loss, args[0], args[1], {}, output)
            if self._losses.criterion is not None:
                call = replace(call, options=vars(self._losses.criterion))
            self._losses.measured.append(mean_value(call))

    def _on_close(self, sight: Sight) -> None:
        """A sight closes: take what its trail found."""
        trail = sight.trail
        for name in sight.other_losses:
            self.losses_seen[name] = None
        if self._evaluating:
            answers = next((pair for pair in trail.pairs if pair.kind != "values"), None)
            self._slot = self._slot or answers or next(iter(trail.pairs), None)
            return
        self.policy = self.policy or trail.policy
        if not trail.pairs or self.losses_seen:
            return
        pair = trail.pairs[0]
        self.by_hand = pair.kind
        self._take_targets(pair.t)
        if (look := self._gaze.look) is not None and look.sight is sight:
            look.pair = look.pair or pair

    def _take_targets(self, t: torch.Tensor) -> None:
        if not self.memory.full or self._wanted:
            self.memory.see_targets(t)

    def _close_slot(self) -> None:
        """Take what the last forward pass of an evaluation was compared with."""
        slot, self._slot = self._slot, None
        if slot is None:
            return
        pair = pair_of(slot) if isinstance(slot, LossCall) else slot
        if isinstance(slot, LossCall):
            self.record.evaluate(slot)
        elif pair is not None:
            self.record.answered(pair)
        if pair is not None:
            self.held_answers.see(self.step, pair)
            if not self.held.full:
                self.held.see_targets(pair.t)

    def _end_evaluation(self) -> None:
        if self._evaluating:
            self._gaze.close()
            self._close_slot()
            self.record.end_evaluation(self.step)
            self._evaluating = False

    def before_scaling(self, scaler: Any, loss: Any) -> None:
        """Keep the loss as it is before it is scaled."""
        if self._in_step and isinstance(loss, torch.Tensor):
            self._losses.scaled(loss)
            if self._gaze.look is not None:
                self._gaze.look.scale = float(scaler.get_scale())

    def scaled_step(self, optimizer: Any, made: bool) -> None:
        """Note whether a scaler let an update be made."""
        if not self._aside and self._has_own(optimizer):
            self.loop.scaled(made)

    def clipped(self, parameters: Any, most: Any, length: Any) -> None:
        """Note how long the model's gradients are, and how long they may be."""
        first = next(iter(parameters), None) if isinstance(parameters, list | tuple) else None
        if self._aside or id(first) not in self.names.params or not getattr(length, "is_cpu", True):
            return
        self.note_place("clipping")
        self.loop.clip(float(most), float(length))

    # ------------------------------------------------------------------------------------ backward

    def before_backward(self, roots: Any, adds: bool = True) -> None:
        """Keep the loss."""
        if self._aside:
            return
        self._count_by_hand()
        self.note_place("backward")
        self.loop.backward(training=getattr(self.root, "training", True))
        self.backwards += 1
        if not self._in_step:
            self._mixed = True
            return
        if self._gaze.open:
            self._gaze.close()
        if not adds:
            self._fresh = True
        if not self._fresh and (self._gaze.look is not None or self.step in _ALWAYS_ASKED):
            self._fresh = not have_gradients(self._own_parameters())
        if not self.step:
            self.loop.passes += 1
        self._losses.differentiated(roots)

    def _own_parameters(self) -> Iterable[torch.Tensor]:
        """The parameters whose updates count the steps: others may be reset at other times, or never."""
        if not self.optimizers:
            return [p for _, p in parameters_of(self.root)]
        return [p for p in hands_over(self.optimizers[0]) if id(p) in self.names.params]

    def after_backward(self) -> None:
        """Take the gradients, before anyone clips them."""
        if self._gaze.look is not None and self._in_step and not self._aside:
            self._take_gradients(self._gaze.look)

    def _take_gradients(self, look: Look) -> None:
        passes = max(len(self._losses.roots), 1)
        self.had_gradient.update(
            look.take_gradients(self.root, self.decays, passes, keep=look.whole and self._copies)
        )
        if self._losses.scaling and look.overflowed:
            self._gaze.look = None  # the scaler will skip this step and try a smaller scale

    # ------------------------------------------------------------------------------------ step

    def _count_by_hand(self) -> None:
        """Where no optimizer steps, parameters that changed since the last backward pass are an update."""
        if self.hand is False or self.start is None or not self.loop.passes:
            return
        if self.hand is None:
            now = state_of(self.root)
            moved = any(not torch.equal(now[n], w) for n, w in self.start.items() if n in now and _real(w))
            if not moved or self.step:
                return
            self.hand = True
        self.after_step(None)

    def before_step(self, optimizer: Any) -> None:
        """Take gradients that came by another way than `backward`."""
        if self._gaze.idle or not self._concerns(optimizer):
            return
        self._gaze.close()
        if self._gaze.look is not None and not self._gaze.look.has_gradients:
            self._take_gradients(self._gaze.look)

    def after_step(self, optimizer: Any) -> None:
        """Write the step down."""
        if self._aside or not self._counts(optimizer):
            return
        if not self.step:
            self.loop.stranger = optimizer is not None and not self._has_own(optimizer)
        self.step += 1
        self.note_place("update")
        self.loop.update(self.step, self._fresh)
        if optimizer is not None:
            rate = float(optimizer.param_groups[0]["lr"])
            self.rates.add(rate)
            self.loop.rate(self.step, rate)
        look, self._gaze.look = self._gaze.look, None
        if look is not None:
            self.loop.ascends = self.loop.ascends or look.factor < 0
            self._losses.learn(look, self._gaze.criterion)
            self.loop.factor(look.factor)
            self.loss_alone = self._losses.alone or self._losses.criterion is not None
        self._losses.write(self.record, self.step)
        if look is not None and look.has_gradients:
            self._finish_look(look)
        self._end_step()
        if self._keeper is not None:
            self._keeper.stepped()

    def _counts(self, optimizer: Any) -> bool:
        """Whether an update is one of those that count the steps."""
        if optimizer is None:
            return True
        main = self.optimizers[0] if self.optimizers else None
        if optimizer is main or (main is None and self._concerns(optimizer)):
            self.hand = False
            return True
        if self._replaces(optimizer, main):
            self.optimizers[0] = optimizer
            self.made += 1
            return True
        if not (self.step or self._given) and self.hand is None:
            self.loop.stranger = self.loop.stranger or not self._has_own(optimizer)
        return False

    def _replaces(self, optimizer: Any, main: Any) -> bool:
        """Whether an optimizer that was never seen before takes the place of the main one."""
        if main is None or any(optimizer is known() for known in self._others):
            return False
        held = {id(p) for p in hands_over(main)}
        takes = any(id(p) in held for p in hands_over(optimizer)) and bool(self._losses.roots)
        self._others = [*self._others, ref(main if takes else optimizer)][-8:]
        return takes

    def _finish_look(self, look: Look) -> None:
        if look.pair is not None:
            self.answers.see(self.step, look.pair)
        self.shown.compared(None if look.pair is None else look.pair.t)
        look.pair = None
        self.record.look(look.finish(self.root), look.sight.parts, list(self.names.params.values()))
        self.first_look, self.last_look = self.first_look or look, look
        self._pace.end(self.step)

    def _end_step(self) -> None:
        """Listen lightly while nothing is wanted: the next backward pass is taken for ours then."""
        settled = not (self._mixed or self._wanted) and self.memory.full
        lightly = settled and self._losses.criterion is None
        if lightly:
            self._wires.listen_lightly()
        else:
            self._wires.listen_closely()
        self._in_pass, self._inside = False, 0
        self._reset_step(in_step=lightly)

    def _concerns(self, optimizer: Any) -> bool:
        if self._aside:
            return False
        if any(optimizer is own for own in self.optimizers):
            return True
        if not self.optimizers and self._has_own(optimizer):
            self.optimizers = [optimizer]
            return True
        return False

    def _has_own(self, optimizer: Any) -> bool:
        """Whether an optimizer changes a parameter of the model."""
        return any(id(p) in self.names.params for p in hands_over(optimizer))


def _real(w: torch.Tensor) -> bool:
    return w.is_floating_point() or w.is_complex()


def pair_of(call: LossCall) -> Pair | None:
    """Return outputs and targets of a loss; None where the targets move, or are none of numbers."""
    if call.moving or not call.y.is_floating_point():
        return None
    y = call.y if call.origin is None else call.origin.source if call.origin.chain else call.y
    kind = "values" if call.t.is_floating_point() and call.t.shape == call.y.shape else "classes"
    return Pair(kind, y if y.shape[:1] == call.y.shape[:1] else call.y, call.t)
