"""Watch: sees a user's own training loop from outside and tells what the doctor may know of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn

from koubai.core.taps import Moments
from koubai.doctor.finding import Finding
from koubai.doctor.patient import Patient
from koubai.doctor.watch.kinds import coupled_decay
from koubai.doctor.watch.loss_rule import LossRule, mean_value, rule_of
from koubai.doctor.watch.memory import Memory
from koubai.doctor.watch.record import Record
from koubai.doctor.watch.sight import LossCall, Names, Sight, first_tensor
from koubai.doctor.watch.sums import scaled
from koubai.doctor.watch.wires import Wires
from koubai.engines.engine import TapRecord
from koubai.engines.torch.sums import tensor_moments

_HELD_ROWS = 2000
_START_BYTES = 512 * 2**20  # initial weights are kept up to this size


@dataclass
class Look:
    """One step that is looked at closely: from its forward pass to the optimizer's step."""

    sight: Sight
    step: int
    gradients: dict[str, Moments] = field(default_factory=dict)
    raw_gradients: dict[str, torch.Tensor] = field(default_factory=dict)
    weights: dict[str, torch.Tensor] = field(default_factory=dict)
    samples: int = 0
    loss: float = float("nan")
    factor: float = 1.0  # d(what was differentiated) / d(loss)
    scale: float = 1.0  # of a gradient scaler


class Watch:
    """Watches the training of a PyTorch model; a context manager.

    Args:
        model: any module; compiled and distributed wrappers are looked through.
        optimizer: the optimizer, or several (the first counts the steps); None: whichever steps the model.
        loss_fn: (outputs, targets) -> loss, where it is none of PyTorch's own on the model's output.
        every: a step is looked at closely if its number is a multiple of this, or a smaller power of 2.
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
        every: int = 100,
        steps: int | None = None,
        budget: float = 60.0,
    ) -> None:
        self.model, self.root = model, unwrapped(model)
        self.blind = is_compiled(model)
        self.optimizers = _as_list(optimizer)
        self.planned, self.budget = steps, budget
        self.step = 0
        self.record = Record()
        self.memory, self.held = Memory(), Memory(_HELD_ROWS)
        self.rule: LossRule | None = LossRule(loss_fn, {}) if loss_fn is not None else None
        self.samples: int | None = None
        self.batch_size: int | None = None
        self.rates: set[float] = set()
        self.modes: dict[nn.Module, bool] = {}
        self.losses_seen: set[str] = set()
        self.had_gradient: set[str] = set()
        self.first_look: Look | None = None
        self.last_look: Look | None = None
        self.start: dict[str, torch.Tensor] | None = None
        self._every, self._given_rule = every, loss_fn is not None
        self._names = Names.of(self.root)
        self._wires = Wires(model, self.optimizers or None, self)
        self._aside = False
        self._reset_step()
        self._look: Look | None = None
        self._sight: Sight | None = None
        self._leaving: list[Sight] = []
        self._output: Any = None
        self._evaluating = False
        self._criterion: nn.Module | None = None
        self._criterion_hook: Any = None
        self.refused: str | None = None  # what the model said when it was run again
        self._factor = 1.0  # of the user's loss on the loss function's value: 1/2 for two batches a step
        self._examined: tuple[int, Patient] | None = None

    def _reset_step(self) -> None:
        self._in_step = False
        self._told: list[torch.Tensor] = []  # by the user
        self._measured: list[torch.Tensor] = []  # by the criterion
        self._roots: list[torch.Tensor] = []  # of backward passes
        self._unscaled: torch.Tensor | None = None
        self._scaling = False

    # ------------------------------------------------------------------------------------ the user's side

    def __enter__(self) -> Watch:
        tensors = self.root.state_dict()
        if sum(w.numel() * w.element_size() for w in tensors.values()) <= _START_BYTES:
            self.start = {name: w.detach().clone() for name, w in tensors.items()}
        self._wires.connect()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take all hooks off; what was seen stays."""
        self._wires.disconnect()
        self._close_sight()
        self._end_evaluation()
        if self._criterion_hook is not None:
            self._criterion_hook.remove()
        self._look = self._output = None
        self.record.flush()

    def batch(self, x: torch.Tensor, t: torch.Tensor | None = None) -> None:
        """Tell which samples are trained on next, where the watch cannot see it."""
        self.memory.see_inputs(x)
        if t is not None:
            self.memory.see_targets(t)
        self.batch_size = len(x)

    def loss(self, loss: torch.Tensor) -> torch.Tensor:
        """Tell the data loss of this step (without penalties); returns it."""
        self._told.append(loss.detach())
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
        from koubai.doctor.diagnose import diagnose

        return diagnose(self.patient())

    def patient(self) -> Patient:
        """What the doctor may know of the run so far."""
        from koubai.doctor.watch.chart import make_patient

        if self._examined is None or self._examined[0] != self.step:
            self._end_evaluation()
            self.record.flush()
            self._aside = True
            try:
                self._examined = (self.step, make_patient(self))
            finally:
                self._aside = False
        return self._examined[1]

    @property
    def scope(self) -> list[str]:
        """Sentences on what could not be seen."""
        from koubai.doctor.watch.scope import sentences

        return sentences(self)

    # ------------------------------------------------------------------------------------ forward

    def before_forward(self, args: Any) -> None:
        """Look closely if it is time; keep inputs."""
        if self._aside:
            return
        self._close_sight()
        self._evaluating = not (self.root.training and torch.is_grad_enabled())
        x = first_tensor(args)
        if self._evaluating:
            if x is not None and x.ndim and not self.held.full:
                self.held.see_inputs(x)
            return
        self._end_evaluation()
        self._in_step = True
        if x is not None and x.ndim:
            self.batch_size = len(x)
            if self._wants() or not self.memory.full:
                self.memory.see_inputs(x)
        if self._look is None and self._wants() and not self.blind:
            self.modes = {module: module.training for module in self.root.modules()}
            self._sight = Sight(self._names, units=True, on_loss=self._on_loss)
            self._look = Look(self._sight, self.step + 1, samples=self.batch_size or 0)
            self._sight.open()
            self._sight.begin(self.root)

    def after_forward(self, output: Any) -> None:
        """Wait for the loss, where it is not known where that comes from."""
        if self._aside:
            return
        self._output = output
        memory = self.held if self._evaluating else self.memory
        unknown = self.rule is None and not self._evaluating
        if (
            self._sight is None
            and self._criterion is None
            and (unknown or self._evaluating or not memory.full)
        ):
            self._sight = Sight(self._names, units=False, on_loss=self._on_loss)
            self._sight.open(layers=False)

    def _wants(self) -> bool:
        step = self.step + 1
        return step % self._every == 0 or (step < self._every and step & (step - 1) == 0)

    def _close_sight(self) -> None:
        if self._sight is not None:
            self._leaving.append(self._sight)
            if self._criterion is None and self._sight.criterion is not None:
                self._criterion = self._sight.criterion
                self._criterion_hook = self._criterion.register_forward_hook(self._criterion_called)
        self._sight = self._output = None
        self._leaving = [sight for sight in reversed(self._leaving) if not sight.close()][::-1]

    # ------------------------------------------------------------------------------------ loss

    def _on_loss(self, call: LossCall) -> None:
        """A loss function of PyTorch was called while a sight was open."""
        if self._evaluating:
            self._take_evaluation(call)
            return
        self.losses_seen.add(call.name)
        if not self._given_rule and self.rule is None:
            self.rule = rule_of(call, self._output)
        self._take_targets(call.t)
        look = self._look
        if look is not None and look.sight is self._sight:
            look.loss = float(mean_value(call))
            if call.value.requires_grad and call.value.ndim == 0:
                call.value.register_hook(partial(_set_factor, look))

    def _criterion_called(self, module: nn.Module, args: Any, output: Any) -> None:
        """The module that computes the loss was called."""
        if self._aside or len(args) < 2 or not isinstance(output, torch.Tensor):
            return
        call = LossCall(self._criterion_name(), module, args[0], args[1], vars(module), output)
        if self._evaluating:
            self._take_evaluation(call)
        elif self._in_step:
            self._measured.append(mean_value(call))
            self._take_targets(call.t)

    def _criterion_name(self) -> str:
        return next(iter(self.losses_seen), "")

    def _take_targets(self, t: torch.Tensor) -> None:
        if self._wants() or not self.memory.full:
            self.memory.see_targets(t)

    def _take_evaluation(self, call: LossCall) -> None:
        self.record.evaluate(call)
        if not self.held.full:
            self.held.see_targets(call.t)

    def _end_evaluation(self) -> None:
        self.record.end_evaluation(self.step)

    def before_scaling(self, scaler: Any, loss: Any) -> None:
        """Keep the loss as it is before it is scaled."""
        if self._in_step and isinstance(loss, torch.Tensor):
            self._unscaled, self._scaling = loss.detach(), True
            if self._look is not None:
                self._look.scale = float(scaler.get_scale())

    # ------------------------------------------------------------------------------------ backward

    def before_backward(self, roots: list[torch.Tensor]) -> None:
        """Keep the loss."""
        if self._aside or not self._in_step:
            return
        self._close_sight()
        if len(roots) == 1 and roots[0].numel() == 1:
            self._roots.append(roots[0].detach() if self._unscaled is None else self._unscaled)
            self._unscaled = None

    def after_backward(self) -> None:
        """Take the gradients, before anyone clips them."""
        if self._look is not None and not self._aside and self._in_step:
            self._take_gradients(self._look)

    def _take_gradients(self, look: Look) -> None:
        """Take the gradients, and remember the weights: an optimizer may have asked for both in its step."""
        look.weights = look.weights or {n: p.detach().clone() for n, p in self._trainable()}
        factor = look.factor * max(len(self._roots), 1) if look.factor != 1.0 else 1.0
        decays = self.decays
        for name, p in self.root.named_parameters():
            if p.grad is None:
                continue
            self.had_gradient.add(name)
            g, decay = p.grad.detach(), decays.get(name, 0.0)
            look.gradients[name] = tensor_moments(g / factor + decay * p.detach() if decay else g / factor)
            if self.start is not None:  # not too large a model
                look.raw_gradients[name] = (g / factor).cpu()
        if self._scaling and any(sums.nonfinite for sums in look.gradients.values()):
            self._look = None  # the scaler will skip this step and try a smaller scale

    # ------------------------------------------------------------------------------------ step

    def before_step(self, optimizer: Any) -> None:
        """Take gradients that came by another way than `backward`."""
        if self._concerns(optimizer):
            self._close_sight()
            if self._look is not None and not self._look.gradients:
                self._take_gradients(self._look)

    def after_step(self, optimizer: Any) -> None:
        """Write the step down."""
        if not self._concerns(optimizer) or optimizer is not self.optimizers[0]:
            return
        self.step += 1
        self.rates.add(float(optimizer.param_groups[0]["lr"]))
        losses = self._told or self._measured or self._roots
        look, self._look = self._look, None
        if look is not None:
            self._factor = look.factor / look.scale
        if losses:
            mean = torch.stack([loss.float().reshape(()) for loss in losses]).mean()
            self.record.loss(self.step, mean / self._factor if losses is self._roots else mean)
        if look is not None and look.weights:
            self._finish(look)
        self._reset_step()

    def _finish(self, look: Look) -> None:
        sums = {(path, "activation"): s for path, s in look.sight.outputs.items()}
        backward = {path: scaled(s, 1 / look.factor) for path, s in look.sight.gradients.items()}
        sums |= {(path, "activation_gradient"): s for path, s in backward.items()}
        for name, p in self._trainable():
            sums[name, "weight"] = tensor_moments(look.weights[name])
            sums[name, "update"] = tensor_moments(p.detach() - look.weights[name])
            if name in look.gradients:
                sums[name, "weight_gradient"] = look.gradients[name]
        params = [name for name, _ in self.root.named_parameters()]
        self.record.look(TapRecord(look.step, sums), look.sight.parts, params)
        look.weights = {}
        self.first_look = self.first_look or look
        self.last_look = look

    # ------------------------------------------------------------------------------------ parameters

    def _concerns(self, optimizer: Any) -> bool:
        if self._aside:
            return False
        if any(optimizer is own for own in self.optimizers):
            return True
        if not self.optimizers and any(id(p) in self._names.params for p in handed_over(optimizer)):
            self.optimizers = [optimizer]
            return True
        return False

    def _trainable(self) -> list[tuple[str, torch.Tensor]]:
        return [(name, p) for name, p in self.root.named_parameters() if p.requires_grad]

    @property
    def decays(self) -> dict[str, float]:
        """The weight decay that enters the gradient of each parameter that has one."""
        return {
            self._names.params[id(p)]: decay
            for optimizer in self.optimizers
            for group in optimizer.param_groups
            if (decay := coupled_decay(optimizer, group))
            for p in group["params"]
            if id(p) in self._names.params
        }


def handed_over(optimizer: Any) -> list[torch.Tensor]:
    """Return the parameters that an optimizer changes."""
    return [p for group in optimizer.param_groups for p in group["params"]]


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the user's own module inside compiled and distributed wrappers."""
    while True:
        if type(model).__name__ == "OptimizedModule":
            model = model._orig_mod
        elif isinstance(model, nn.parallel.DistributedDataParallel | nn.DataParallel):
            model = model.module
        else:
            return model


def is_compiled(model: nn.Module) -> bool:
    """Whether a module or a part of it runs compiled: hooks and function modes do not reach inside."""
    return any(
        type(module).__name__ == "OptimizedModule" or getattr(module, "_compiled_call_impl", None) is not None
        for module in model.modules()
    )


def _as_list(optimizer: Any) -> list[Any]:
    if optimizer is None:
        return []
    return list(optimizer) if isinstance(optimizer, Sequence) else [optimizer]


def _set_factor(look: Look, gradient: torch.Tensor) -> None:
    look.factor = float(gradient) or 1.0
