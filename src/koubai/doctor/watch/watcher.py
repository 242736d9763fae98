"""Watch: sees a user's own training loop from outside and tells what the doctor may know of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import torch
from torch import nn

from koubai.doctor.diagnose import diagnose
from koubai.doctor.finding import Finding
from koubai.doctor.patient import Patient
from koubai.doctor.tell import Findings
from koubai.doctor.watch.chart import make_patient
from koubai.doctor.watch.gaze import Gaze
from koubai.doctor.watch.guard import Guard
from koubai.doctor.watch.look import Look
from koubai.doctor.watch.loss_rule import crossed_shapes, mean_value, rule_of
from koubai.doctor.watch.models import hands_over, have_gradients, is_lazy, size_in_bytes
from koubai.doctor.watch.pace import Pace
from koubai.doctor.watch.record import value_of
from koubai.doctor.watch.scope import sentences
from koubai.doctor.watch.seen import Seen
from koubai.doctor.watch.sight import LossCall, first_tensor
from koubai.doctor.watch.step_losses import StepLosses
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
    ) -> None:
        super().__init__(model, optimizer, loss_fn, steps, budget)
        self._pace = Pace(every)
        self._copies = not is_lazy(self.root) and size_in_bytes(self.root) <= _COPIED_BYTES
        self._guard = Guard(self._switch_off)
        self._wires = Wires(model, self.optimizers or None, self, self._guard)
        self._gaze = Gaze(self.names, on_loss=self._on_loss, guard=self._guard)
        self._evaluating = self._aside = False
        self._mixed = False  # whether others' backward passes lie between our steps
        self._examined: tuple[int, Patient] | None = None
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
            self.start = {name: w.detach().clone() for name, w in self.root.state_dict().items()}
        self._wires.connect()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take all hooks off; what was seen stays."""
        self._wires.disconnect()
        self._look_away()
        self._guard(self._write_down)

    def _look_away(self) -> None:
        """Close whatever is open."""
        self._gaze.close()
        self._gaze.look = None
        self._losses.stop()

    def _write_down(self) -> None:
        """Write what waits into the history."""
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
        """What is wrong, the root first; [] when nothing is."""
        return Findings(diagnose(self.patient()))

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
        if not self.root.training and not self._aside:
            self._wires.listen_closely()

    def before_forward(self, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        """Look closely if it is time; keep inputs."""
        if self._aside:
            return
        self._gaze.close()
        trains = self.root.training or self.loop.test_mode is not None
        if trains and torch.is_grad_enabled():
            self._begin_pass(args, options)
        else:
            self._begin_evaluation(args, options)

    def _begin_pass(self, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        if self._evaluating:
            self.record.end_evaluation(self.step)
            self._evaluating = False
        self._in_step = True
        wanted = self._wanted
        if not wanted and self.memory.full:
            return
        x = first_tensor((args, options))
        if x is not None and x.ndim:
            self._see_inputs(x)
        self.replayable = len(args) == 1 and not options and x is args[0]
        if wanted and self._gaze.look is None and not self.blind:
            self._begin_look(len(x) if x is not None and x.ndim else 0)

    @property
    def _wanted(self) -> bool:
        return self._pace.wants(self.step + 1)

    def _begin_look(self, samples: int) -> None:
        self._pace.begin()
        self.modes = {module: module.training for module in self.root.modules()}
        whole = self.rule is None or not self.replayable or self.refused is not None
        self._gaze.begin_look(self.root, self.step + 1, samples=samples, whole=whole)

    def _begin_evaluation(self, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        self._evaluating = True
        x = first_tensor((args, options))
        if x is not None and x.ndim and not self.held.full:
            self.held.see_inputs(x)

    def after_forward(self, output: Any) -> None:
        """Wait for the loss, where it is not known where that comes from."""
        if self._aside:
            return
        if not self._gaze.open and (self._evaluating or self.rule is None or not self.memory.full):
            self._gaze.await_loss()
        if self._gaze.open:
            self._gaze.output = output

    # ------------------------------------------------------------------------------------ loss

    def _on_loss(self, call: LossCall) -> None:
        """A loss function of PyTorch was called while a sight was open."""
        if self._evaluating:
            self._take_evaluation(call)
            return
        self.losses_seen[call.name] = None
        if self.rule is None:
            self.rule = rule_of(call, self._gaze.output)
            self.crossed = crossed_shapes(call)
        self._take_targets(call.t)
        if (look := self._gaze.open_look) is not None:
            look.watch_loss(call.value, float(mean_value(call)))

    def _criterion_called(self, module: nn.Module, args: Any, output: Any) -> None:
        """The module that computes the loss was called."""
        if self._in_step and not self._aside and len(args) == 2 and isinstance(output, torch.Tensor):
            name = next(iter(self.losses_seen), "")
            call = LossCall(name, module, args[0], args[1], vars(module), output)
            self._losses.measured.append(mean_value(call))

    def _take_targets(self, t: torch.Tensor) -> None:
        if not self.memory.full or self._wanted:
            self.memory.see_targets(t)

    def _take_evaluation(self, call: LossCall) -> None:
        self.record.evaluate(call)
        if not self.held.full:
            self.held.see_targets(call.t)

    def before_scaling(self, scaler: Any, loss: Any) -> None:
        """Keep the loss as it is before it is scaled."""
        if self._in_step and isinstance(loss, torch.Tensor):
            self._losses.scaled(loss)
            if self._gaze.look is not None:
                self._gaze.look.scale = float(scaler.get_scale())

    # ------------------------------------------------------------------------------------ backward

    def before_backward(self, roots: Any) -> None:
        """Keep the loss."""
        if not self._aside:
            self.loop.backward(training=self.root.training)
        if not self._in_step or self._aside:
            self._mixed = self._mixed or not self._aside
            return
        if self._gaze.open:
            self._gaze.close()
        if not self._fresh and (self._gaze.look is not None or self.step in _ALWAYS_ASKED):
            self._fresh = not have_gradients(self._own_parameters())
        if not self.step:
            self.loop.passes += 1
        self._losses.differentiated(roots)

    def _own_parameters(self) -> Iterable[torch.Tensor]:
        """The parameters whose updates count the steps: others may be reset at other times, or never."""
        if not self.optimizers:
            return self.root.parameters()
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

    def before_step(self, optimizer: Any) -> None:
        """Take gradients that came by another way than `backward`."""
        if self._gaze.idle or not self._concerns(optimizer):
            return
        self._gaze.close()
        if self._gaze.look is not None and not self._gaze.look.has_gradients:
            self._take_gradients(self._gaze.look)

    def after_step(self, optimizer: Any) -> None:
        """Write the step down."""
        main = self.optimizers[0] if self.optimizers else None
        if self._aside or (optimizer is not main and (main is not None or not self._concerns(optimizer))):
            if not self.step:
                self.loop.stranger = self.loop.stranger or not (self._aside or self._has_own(optimizer))
            return
        if not self.step:
            self.loop.stranger = not self._has_own(optimizer)
        self.step += 1
        self.loop.update(self.step, self._fresh)
        self.rates.add(optimizer.param_groups[0]["lr"])
        look, self._gaze.look = self._gaze.look, None
        if look is not None:
            self.loop.ascends = self.loop.ascends or look.factor < 0
            self._losses.learn(look, self._gaze.criterion, partial(self._guard, self._criterion_called))
        self._losses.write(self.record, self.step)
        if look is not None and look.has_gradients:
            self.record.look(look.finish(self.root), look.sight.parts, list(self.names.params.values()))
            self.first_look, self.last_look = self.first_look or look, look
            self._pace.end(self.step)
        self._end_step()

    def _end_step(self) -> None:
        """Listen lightly while nothing is wanted: the next backward pass is taken for ours then."""
        lightly = not (self._mixed or self._wanted) and self.memory.full
        if lightly:
            self._wires.listen_lightly()
        else:
            self._wires.listen_closely()
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
