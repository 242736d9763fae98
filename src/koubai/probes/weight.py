"""Probes of parameters: how large they are and how far one update moves them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from koubai.core.layer import Layer
from koubai.core.taps import Moments
from koubai.probes.probe import PROBES, Probe


@PROBES.register
@dataclass(frozen=True)
class WeightNorm(Probe):
    """Euclidean norm of a parameter, before the step's update."""

    role = "weight"

    def measure(self, sums: Mapping[str, Moments], layer: Layer | None) -> float:
        """sqrt(sum w^2)."""
        return sums["weight"].norm


@PROBES.register
@dataclass(frozen=True)
class WeightNonfinite(Probe):
    """Number of values of a parameter that are NaN or infinite."""

    role = "weight"
    unit = "values"

    def measure(self, sums: Mapping[str, Moments], layer: Layer | None) -> float:
        """#(w not finite)."""
        return sums["weight"].nonfinite


@PROBES.register
@dataclass(frozen=True)
class UpdateRatio(Probe):
    """Size of the step's update relative to the parameter: norm of (w after - w before) / norm of w before.

    None for a parameter that is all 0 (a new bias), where no ratio exists.
    """

    role = "update"

    def measure(self, sums: Mapping[str, Moments], layer: Layer | None) -> float | None:
        """Norm of the update over norm of w."""
        norm = sums["weight"].norm
        return sums["update"].norm / norm if norm else None
