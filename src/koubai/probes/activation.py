"""Probes of activations: where they lie and how much of a gradient they let through."""

from __future__ import annotations

from dataclasses import dataclass

from koubai.core.layer import Layer
from koubai.core.taps import Moments
from koubai.probes.probe import PROBES, Probe


@PROBES.register
@dataclass(frozen=True)
class ActivationMean(Probe):
    """Mean of a layer's output."""

    role = "activation"

    def measure(self, sums: Moments, layer: Layer | None) -> float:
        """Mean of y."""
        return sums.mean


@PROBES.register
@dataclass(frozen=True)
class ActivationStd(Probe):
    """Standard deviation of a layer's output."""

    role = "activation"

    def measure(self, sums: Moments, layer: Layer | None) -> float:
        """Std of y."""
        return sums.std
