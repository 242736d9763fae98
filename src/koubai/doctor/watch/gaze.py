"""Gaze: which sight is open now, and what the watch knows while it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from koubai.doctor.watch.look import Look
from koubai.doctor.watch.sight import LossCall, Names, Sight


class Gaze:
    """Opens and closes sights: those of looks, and those for losses only.

    | field     | meaning                                                        |
    |-----------|----------------------------------------------------------------|
    | look      | the step under close observation                               |
    | output    | what the model returned, while its loss is waited for          |
    | criterion | the module that called the loss function, once it has been seen |
    """

    def __init__(
        self,
        names: Names,
        *,
        on_loss: Callable[[LossCall], None],
        on_close: Callable[[Sight], None],
        guard: Callable[..., None],
    ) -> None:
        self.look: Look | None = None
        self.output: Any = None
        self._on_close = on_close
        self.criterion: nn.Module | None = None
        self._names, self._on_loss, self._guard = names, on_loss, guard
        self._sight: Sight | None = None
        self._leaving: list[Sight] = []  # closed inside a function that they cannot leave before it ends

    @property
    def idle(self) -> bool:
        """Whether nothing is looked at, and nothing was that is not wholly gone."""
        return self.look is None and self._sight is None and not self._leaving

    @property
    def open(self) -> bool:
        """Whether a sight is open."""
        return self._sight is not None

    @property
    def open_look(self) -> Look | None:
        """The look, if the sight that is open is its own."""
        return self.look if self.look is not None and self.look.sight is self._sight else None

    def begin_look(self, root: nn.Module, step: int, *, samples: int, whole: bool) -> None:
        """Look closely at a step whose forward pass has just begun."""
        self.look = Look(
            self._names, step, on_loss=self._on_loss, samples=samples, whole=whole, guard=self._guard
        )
        self._sight = self.look.sight
        self._sight.open()
        self._sight.begin(root)

    def take_output(self, output: Any) -> None:
        """Follow what the model has put out on its way to the loss."""
        self.output = output
        if self._sight is not None:
            self._sight.trail.begin(output)

    def await_loss(self) -> None:
        """Look out for losses only."""
        self._sight = Sight(self._names, by_unit=False, on_loss=self._on_loss, guard=self._guard)
        self._sight.open(layers=False)

    def close(self) -> None:
        """Close what is open; what could not be left before is left now."""
        if self._sight is None and not self._leaving:
            return
        sight, self._sight = self._sight, None
        if sight is not None:
            self._leaving.append(sight)
            self.criterion = self.criterion or sight.criterion
            self._guard(self._on_close, sight)
        self.output = None
        self._leaving = [sight for sight in reversed(self._leaving) if not sight.close()][::-1]
