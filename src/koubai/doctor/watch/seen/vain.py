"""Vain steps: optimizers whose parameters never had a gradient, however often they were asked to step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import ref

from koubai.doctor.patient.place import Place
from koubai.doctor.watch.program.models import hands_over
from koubai.doctor.watch.program.places import births

ENOUGH = 20  # steps without any gradient, after which none is to be expected


@dataclass
class Vain:
    """An optimizer that steps: how often, of which parameters, where it was made."""

    steps: int
    names: tuple[str, ...]
    place: Place | None


class VainSteps:
    """Counts the steps of every optimizer until it first has a gradient."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, Vain | None]] = {}  # None: it had one

    def stepped(self, optimizer: Any, name_of: Callable[[int], str | None]) -> None:
        """Take in a step; gradients are still there after it."""
        alive, vain = self._known.get(id(optimizer), (None, None))
        fresh = alive is None or alive() is not optimizer
        if not fresh and vain is None:
            return
        parameters = hands_over(optimizer)
        frozen = not any(p.requires_grad for p in parameters)  # on purpose
        if frozen or any(p.grad is not None for p in parameters):
            self._known[id(optimizer)] = ref(optimizer), None
        elif fresh or vain is None:
            names = (name_of(id(p)) for p in parameters)
            made = births.of(getattr(optimizer, "origin", optimizer))
            found = Vain(1, tuple(name for name in names if name is not None), made)
            self._known[id(optimizer)] = ref(optimizer), found
        else:
            vain.steps += 1

    @property
    def found(self) -> list[Vain]:
        """Those of a model that is known which stepped often, and always in vain.

        A stand-in for updates that are made elsewhere holds tensors of no model.
        """
        vain = [vain for _, vain in self._known.values() if vain is not None and vain.steps >= ENOUGH]
        return [each for each in vain if each.names]
