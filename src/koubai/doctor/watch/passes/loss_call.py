"""Loss calls: what one call of a loss function tells."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any

import torch

from koubai.core.params import Shape
from koubai.doctor.patient.place import Place
from koubai.doctor.watch.passes.trail import Derived, Pair, Trail
from koubai.doctor.watch.program.places import users_place

_SYMMETRIC = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")


@dataclass(frozen=True)
class LossCall:
    """A call of a loss function: by which name, on what, with what result. Its tensors are alive.

    `origin` is how y was made of the model's outputs (None: not known), `moving` whether the targets were
    computed by a network too.
    """

    name: str
    function: Callable[..., torch.Tensor]
    y: torch.Tensor
    t: torch.Tensor
    options: Mapping[str, Any]
    value: torch.Tensor
    origin: Derived | None = None
    moving: bool = False
    place: Place | None = None

    @classmethod
    def of(
        cls,
        name: str,
        function: Callable[..., torch.Tensor],
        args: tuple[Any, ...],
        options: Mapping[str, Any],
        value: Any,
        trail: Trail,
    ) -> LossCall | None:
        """Return a call of a loss function as it went by; None where it was not one of tensors."""
        given = dict(zip(names_of_arguments(function), args, strict=False)) | dict(options)
        y, t = given.pop("input", None), given.pop("target", None)
        if not all(isinstance(part, torch.Tensor) for part in (value, y, t)):
            return None
        if name == "gaussian_nll_loss":
            given.pop("var", None)
        if name in _SYMMETRIC and trail.was_made(t) and not trail.was_made(y):
            y, t = t, y  # it was given the targets first, which is the same loss
        moving = trail.was_made(t)
        return cls(name, function, y, t, given, value, trail.of(y), moving, users_place("loss"))

    @property
    def mean(self) -> torch.Tensor:
        """The mean loss, whatever its reduction was."""
        value = self.value.detach()
        if value.ndim:
            return value.mean()
        summed = self.options.get("reduction") == "sum"
        per_row = self.name in ("cross_entropy", "nll_loss")
        return value / (len(self.t) if per_row else self.t.numel()) if summed else value

    @property
    def crossed(self) -> tuple[Shape, Shape] | None:
        """The shapes of output and targets if broadcasting compared every row with every other.

        >>> y, t = torch.zeros(8, 1), torch.zeros(8)
        >>> LossCall("mse_loss", torch.nn.functional.mse_loss, y, t, {}, y).crossed
        ((8, 1), (8,))
        """
        y, t = tuple(self.y.shape), tuple(self.t.shape)
        if not self.name.startswith(("mse", "l1", "smooth_l1", "huber")) or y == t:
            return None
        compared = prod(torch.broadcast_shapes(y, t))
        return (y, t) if compared > max(prod(y), prod(t)) else None

    @property
    def pair(self) -> Pair | None:
        """Outputs and targets; None where the targets move, or the outputs are no real numbers."""
        if self.moving or not self.y.is_floating_point():
            return None
        y = self.y if self.origin is None else self.origin.source if self.origin.chain else self.y
        kind = "values" if self.t.is_floating_point() and self.t.shape == self.y.shape else "classes"
        return Pair(kind, y if y.shape[:1] == self.y.shape[:1] else self.y, self.t)


@cache
def names_of_arguments(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of a function's arguments, in order."""
    try:
        return tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return ("input", "target")
