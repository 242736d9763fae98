"""Close-up: one training step seen closely, from its forward pass to the optimizer's step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from math import isfinite

import torch
from torch import nn

from koubai.core.tap_record import TapRecord
from koubai.core.taps import Magnitudes, Squares
from koubai.doctor.watch.passes.loss_call import LossCall
from koubai.doctor.watch.passes.pass_recorder import PassRecorder
from koubai.doctor.watch.passes.rounding import Rounding
from koubai.doctor.watch.passes.sums import magnitudes_of_all, scaled
from koubai.doctor.watch.passes.trail import Pair
from koubai.doctor.watch.passes.watched_layer import Names
from koubai.doctor.watch.program.walk import parameters_of


class CloseUp:
    """What is collected of one step.

    | field   | meaning                                                                              |
    |---------|--------------------------------------------------------------------------------------|
    | step    | number of the update, from 1                                                         |
    | factor  | d(what was differentiated) / d(loss): 1/2 where two batches make a step, 1024 scaled |
    | scale   | the part of it that is a gradient scaler's                                           |
    | whole   | whether layers were measured unit by unit                                            |
    | flat    | whether every gradient that there is was exactly 0                                   |
    | climbed | of parameters whose gradient was kept, whether the update went up along it           |
    """

    def __init__(
        self,
        names: Names,
        step: int,
        *,
        on_loss: Callable[[LossCall], None],
        samples: int,
        whole: bool,
        guard: Callable[..., None],
    ) -> None:
        self.recorder = PassRecorder(names, by_unit=whole, on_loss=on_loss, guard=guard)
        self._guard = guard
        self.step, self.samples, self.whole = step, samples, whole
        self.loss = float("nan")
        self.factor = self.scale = 1.0
        self.pair: Pair | None = None  # outputs and targets of this step, until it ends
        self.raw_gradients: dict[str, torch.Tensor] = {}
        self.flat = False
        self.climbed: dict[str, bool] = {}
        self._slopes: dict[str, torch.Tensor] = {}
        self._gradients: dict[str, Magnitudes] = {}
        self._weights: dict[str, torch.Tensor] = {}

    def watch_loss(self, loss: torch.Tensor, mean: float) -> None:
        """Note the loss, and learn from its gradient what the user multiplies it with."""
        self.loss = mean

        def receive(gradient: torch.Tensor) -> None:
            self.factor = float(gradient) or 1.0

        if loss.requires_grad and loss.ndim == 0:
            loss.register_hook(partial(self._guard, receive))

    @property
    def has_gradients(self) -> bool:
        """Whether a backward pass has gone by."""
        return bool(self._gradients)

    def pulls(self, name: str) -> bool:
        """Whether a parameter has a gradient that is not 0."""
        return name in self._gradients and self._gradients[name].total_abs > 0

    @property
    def overflowed(self) -> bool:
        """Whether a gradient is not finite."""
        return any(not isfinite(g.total_abs) for g in self._gradients.values())

    def take_gradients(
        self, model: nn.Module, decays: Mapping[str, float], passes: int, *, keep: bool, by_hand: bool
    ) -> list[str]:
        """Take the gradient after `passes` backward passes, and the weights; return who has one.

        A later call replaces an earlier one. The weight decay that the optimizer will add is added here.
        With `keep`, copies of the gradients stay for a checkup; where updates are made `by_hand`, until it is
        seen which way these go.
        """
        params = {name: p.detach() for name, p in parameters_of(model) if p.requires_grad}
        if not self._weights:
            self._weights = {name: p.clone() for name, p in params.items()}
        found = {name: p.grad.detach() for name, p in parameters_of(model) if p.grad is not None}
        factor = self.factor * passes if self.factor != 1.0 else 1.0
        if factor != 1.0:
            found = {name: g / factor for name, g in found.items()}
        if keep:
            self.raw_gradients = {name: g.to("cpu", copy=True).to_dense() for name, g in found.items()}
        pulled = {name: g + decays[name] * params[name] if name in decays else g for name, g in found.items()}
        self._gradients = magnitudes_of_all(pulled)
        trained = [g.total_abs for name, g in self._gradients.items() if name in params]
        self.flat = bool(trained) and max(trained) == 0
        whole = {name: g for name, g in found.items() if g.layout is torch.strided}
        self._slopes = {name: g.clone() for name, g in whole.items()} if by_hand else {}
        return list(found)

    def finish(self, model: nn.Module, rounding: Rounding) -> TapRecord:
        """Compare the weights with those before the step; return everything measured."""
        sums: dict[tuple[str, str], Squares] = {
            (path, "activation"): s for path, s in self.recorder.outputs.items()
        }
        for path, s in self.recorder.gradients.items():
            sums[path, "activation_gradient"] = scaled(s, 1 / self.factor) if self.factor != 1.0 else s
        now = dict(parameters_of(model))
        rounding.see(self._weights, now)
        updates = {name: now[name].detach() - w for name, w in self._weights.items()}
        self.climbed = {name: bool((updates[name] * g).sum() > 0) for name, g in self._slopes.items()}
        self._slopes = {}
        for role, tensors in (("weight", self._weights), ("update", updates)):
            sums |= {(name, role): s for name, s in magnitudes_of_all(tensors).items()}
        sums |= {(name, "weight_gradient"): s for name, s in self._gradients.items()}
        self._weights = {}
        return TapRecord(self.step, sums)
