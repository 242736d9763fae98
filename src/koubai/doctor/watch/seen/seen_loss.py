"""Seen loss: what is known of the loss that a program trains on, from the calls of it that were seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from koubai.core.params import Shape
from koubai.doctor.patient.place import Place
from koubai.doctor.watch.passes.loss_call import LossCall
from koubai.doctor.watch.passes.loss_rule import LossRule, rule_of
from koubai.doctor.watch.passes.trail import Trail

_TARGETS = 40  # batches
_BY_INDEX = ("softmax_cross_entropy", "nll_loss")


@dataclass
class SeenLoss:
    """What is known so far.

    | field      | meaning                                                                           |
    |------------|-----------------------------------------------------------------------------------|
    | rule       | how it follows from the model's outputs; None: not known (yet)                    |
    | names      | names of the loss functions that were called                                      |
    | call       | name, function and options of the call that tells most                            |
    | targets    | targets of some of its calls, for the loss of knowing nothing                     |
    | crossed    | shapes of an output and of targets that it crossed by broadcasting                |
    | before     | activations between the model and its loss                                        |
    | of_outputs | whether it is known to take what the model puts out                               |
    | alone      | whether what is differentiated is the loss that was seen, times a factor          |
    | moved      | whether a call's targets were computed by a network                               |
    | stood      | whether a call's targets were not                                                 |
    | masked     | line of a mask that keeps the losses of the padding alone                         |
    | policy     | whether outputs are asked for the likelihood of what was drawn from them          |
    """

    rule: LossRule | None = None
    names: dict[str, None] = field(default_factory=dict)
    call: tuple[str, Any, dict[str, Any]] = ("", None, {})
    targets: list[torch.Tensor] = field(default_factory=list)
    crossed: tuple[Shape, Shape] | None = None
    before: tuple[str, ...] = ()
    of_outputs: bool = True
    alone: bool = True
    moved: bool = False
    stood: bool = False
    policy: bool = False
    masked: Place | None = None

    def take(self, call: LossCall, output: Any) -> None:
        """Take in a call in training, beside what the model had put out."""
        self.names[call.name] = None
        better = self.rule is None or (self.moving and not call.moving)
        self.moved, self.stood = self.moved or call.moving, self.stood or not call.moving
        if better:
            self.call = call.name, call.function, dict(call.options)
            self.of_outputs = call.origin is not None
            if call.origin is not None:
                self.before = call.origin.applied
            self.rule, self.crossed = rule_of(call, output), self.crossed or call.crossed
        if call.name == self.call[0] and not call.moving:
            self.see_targets(call.t.detach().to("cpu", copy=True))

    def see_targets(self, t: torch.Tensor) -> None:
        """Keep a copy of targets: the first ones and the latest, for data may be sorted."""
        self.targets = [*self.targets[: _TARGETS - 1], t]

    @property
    def moving(self) -> bool:
        """Whether all targets are computed by a network: then the loss need not fall."""
        return self.moved and not self.stood

    def follow(self, trail: Trail) -> None:
        """Take in what became of outputs and losses in one pass."""
        self.policy = self.policy or trail.policy
        self.crossed = self.crossed or trail.crossed
        self.masked = self.masked or trail.weighed.inverted

    @property
    def by_index(self) -> bool:
        """Whether targets that are whole numbers are classes, for all that is known of the loss."""
        kind = None if self.rule is None else self.rule.kind
        return kind is None or kind.name in _BY_INDEX

    @property
    def only_label(self) -> tuple[int, int] | None:
        """The one label that all targets have, one a sample or one a place, and their number."""
        parts = [t.reshape(-1) for t in self.targets if not t.is_floating_point()]
        if not self.by_index or not parts:
            return None
        labels = torch.cat(parts)
        labels = labels[labels != int(self.call[2].get("ignore_index", -100))]
        alike = len(labels) and bool((labels == labels[0]).all())
        return (int(labels[0]), len(labels)) if alike else None

    @property
    def class_weights(self) -> tuple[float, ...]:
        """What a call weighed each class by, as a loss of PyTorch is told to; empty where it was not."""
        options = self.call[2]
        positive, weights = options.get("pos_weight"), options.get("weight")
        if isinstance(positive, torch.Tensor) and positive.numel() == 1:
            return (1.0, float(positive))
        if self.call[0] not in ("cross_entropy", "nll_loss") or not isinstance(weights, torch.Tensor):
            return ()
        return tuple(weights.tolist()) if weights.ndim == 1 else ()
