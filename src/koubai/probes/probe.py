"""Probe: tapped sums -> a number, with a unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from koubai.core.layer import Layer
from koubai.core.registry import Registry
from koubai.core.taps import Number, Taken

PROBES = Registry("probe")


@dataclass(frozen=True)
class Probe:
    """Base of all probes: one quantity, derived from the sums an engine took of tapped tensors.

    | class field | meaning                                                                                |
    |-------------|----------------------------------------------------------------------------------------|
    | role        | the tensor measured, a key of koubai.core.taps.Taken; where the probe applies          |
    | quantity    | which of the sums it is, by name; another number is written in `measure`               |
    | unit        | "" for a pure number, "share" for one in [0, 1], "values" for a count                  |
    """

    registry_name: ClassVar[str] = ""
    role: ClassVar[str]
    quantity: ClassVar[str]
    unit: ClassVar[str] = ""

    def measure(self, sums: Taken, layer: Layer | None) -> Number | None:
        """Return the number, or None where the quantity has no meaning (saturation of a linear layer).

        `sums` holds, by role, all that was tapped at one path in one step, or in each of several: then the
        number is an array. `layer` is the leaf layer there, None at the path of a parameter.
        """
        found: Number = getattr(sums[self.role], self.quantity)  # type: ignore[literal-required]  # one of Taken
        return found

    def defined(self, sums: Taken) -> Number:
        """Return whether (in which of several steps) the number exists; nothing is recorded elsewhere."""
        return True
