"""How the loss follows from what a model puts out, so that it can be computed again on other samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from koubai.core.params import Shape
from koubai.doctor.watch.passes.loss_call import LossCall
from koubai.doctor.watch.program.kinds import LOSSES, LossKind
from koubai.doctor.watch.program.nested import tensors

OUTSIDE: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "softmax": lambda y: torch.softmax(y, min(1, y.ndim - 1)),
    "log_softmax": lambda y: torch.log_softmax(y, min(1, y.ndim - 1)),
    "sigmoid": torch.sigmoid,
    "logsigmoid": torch.nn.functional.logsigmoid,
    "log": torch.log,
    "exp": torch.exp,
    "tanh": torch.tanh,
    "relu": torch.relu,
}


@dataclass(frozen=True)
class LossRule:
    """loss(output of the model, targets) as a mean over samples.

    | field    | meaning                                                                              |
    |----------|--------------------------------------------------------------------------------------|
    | function | of torch.nn.functional, or the user's own (outputs, targets) -> loss                 |
    | options  | its other arguments                                                                  |
    | position | which of the output's tensors it takes                                               |
    | shape    | how that tensor is shaped for it, without the batch axis; None: as it is             |
    | kind     | its koubai name and what it takes; None for a function koubai does not know          |
    | outside  | functions of `OUTSIDE` that the program applies between the model and its loss       |
    """

    function: Callable[..., torch.Tensor]
    options: Mapping[str, Any]
    position: int = 0
    shape: Shape | None = None
    kind: LossKind | None = None
    outside: tuple[str, ...] = ()

    def pick(self, output: Any) -> torch.Tensor:
        """Return what the loss takes of a model's output."""
        y = tensors(output)[self.position]
        y = y if self.shape is None else y.reshape(len(y), *self.shape)
        return _through(self.outside, y)

    def __call__(self, output: Any, t: torch.Tensor) -> torch.Tensor:
        """The mean loss."""
        y = self.pick(output)
        value = self.function(y, t, **self.options)
        return value.mean() if value.ndim else value


def rule_of(call: LossCall, output: Any) -> LossRule | None:
    """Return the rule of a seen call, if it took one of the model's outputs, perhaps reshaped or cast."""
    options = dict(call.options)
    if options.get("reduction") == "sum" or options.get("size_average") is False:
        options = {name: value for name, value in options.items() if name != "size_average"}
        options["reduction"] = "mean"
    chain = () if call.origin is None else call.origin.chain
    outside = chain if all(name in OUTSIDE for name in chain) else ()
    for position, y in enumerate(tensors(output)):
        if y.ndim == 0 or y.numel() != call.y.numel() or len(y) != len(call.y):
            continue
        shape = None if y.shape == call.y.shape else tuple(call.y.shape[1:])
        rule = LossRule(call.function, options, position, shape, LOSSES[call.name], outside)
        same = not outside and y.data_ptr() == call.y.data_ptr() and y.dtype == call.y.dtype
        if same or _alike(rule.pick(output).detach(), call.y.detach(), exactly=not outside):
            return rule
    return None


def _through(outside: tuple[str, ...], y: torch.Tensor) -> torch.Tensor:
    """Apply functions, one behind the other; shares are over classes."""
    for name in outside:
        y = OUTSIDE[name](y)
    return y


def _alike(one: torch.Tensor, other: torch.Tensor, *, exactly: bool) -> bool:
    one, other = one.float().flatten(), other.float().flatten()
    return torch.equal(one, other) if exactly else torch.allclose(one, other, rtol=1e-4, atol=1e-6)
