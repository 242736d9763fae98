"""Tap records: what an engine took of one step, and moments of steps that can be put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from koubai.core.taps import Squares


@runtime_checkable
class Stackable(Protocol):
    """Moments of one step that an engine can put together with those of other steps (of the same `kind`)."""

    @property
    def kind(self) -> object:
        """What moments that can be stacked have in common."""
        ...

    @staticmethod
    def stacked(steps: Sequence[Any]) -> Mapping[tuple[str, str], Squares]:
        """Return the moments of several steps as one mapping, whose numbers are arrays."""
        ...


class TapRecord(NamedTuple):
    """The taps of one step: (path, role) -> what was taken.

    Roles: `activation` and `activation_gradient` of every leaf layer by its path (the latter from the first
    parameter on, see `Network.untapped`); `weight`,
    `weight_gradient` (of the data loss plus penalties, before clipping) and `update` (w after - w before)
    of every parameter by its path. `numbers` are the engine's own of that step, by name.
    """

    step: int
    moments: Mapping[tuple[str, str], Squares]
    numbers: Mapping[str, float] = {}
