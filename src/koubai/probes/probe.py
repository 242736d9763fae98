"""Probe: tapped sums -> a number, with a unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from koubai.core.layer import Layer
from koubai.core.registry import Registry
from koubai.core.taps import Moments

PROBES = Registry("probe")


@dataclass(frozen=True)
class Probe:
    """Base of all probes: one quantity of one tapped tensor."""

    registry_name: ClassVar[str] = ""
    role: ClassVar[str]  # which tap it reads, one of koubai.core.taps.ROLES
    unit: ClassVar[str] = ""

    def measure(self, sums: Moments, layer: Layer | None) -> float | None:
        """Return the number, or None where the quantity has no meaning (saturation of a linear layer)."""
        raise NotImplementedError
