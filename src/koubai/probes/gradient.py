"""Probes of gradients: how large the message is that reaches a layer, and a parameter.

Gradients are those of the whole batch's mean loss; a parameter's include the penalties, before clipping.
"""

from __future__ import annotations

from dataclasses import dataclass

from koubai.core.layer import Layer
from koubai.core.taps import Number, Taken
from koubai.probes.probe import PROBES, Probe


@PROBES.register
@dataclass(frozen=True)
class GradientNorm(Probe):
    """Euclidean norm of a parameter's gradient."""

    role = "weight_gradient"

    def measure(self, sums: Taken, layer: Layer | None) -> Number:
        """sqrt(sum dw^2)."""
        return sums["weight_gradient"].norm


@PROBES.register
@dataclass(frozen=True)
class GradientMeanAbs(Probe):
    """Mean absolute gradient of a parameter: comparable between layers of different sizes."""

    role = "weight_gradient"

    def measure(self, sums: Taken, layer: Layer | None) -> Number:
        """(1/n) sum abs dw."""
        return sums["weight_gradient"].mean_abs


@PROBES.register
@dataclass(frozen=True)
class GradientNonfinite(Probe):
    """Number of values of a parameter's gradient that are NaN or infinite."""

    role = "weight_gradient"
    unit = "values"

    def measure(self, sums: Taken, layer: Layer | None) -> Number:
        """#(dw not finite)."""
        return sums["weight_gradient"].nonfinite


@PROBES.register
@dataclass(frozen=True)
class ActivationGradientNorm(Probe):
    """Euclidean norm of the gradient at a layer's output, over the batch."""

    role = "activation_gradient"

    def measure(self, sums: Taken, layer: Layer | None) -> Number:
        """sqrt(sum dy^2)."""
        return sums["activation_gradient"].norm


@PROBES.register
@dataclass(frozen=True)
class ActivationGradientRms(Probe):
    """Root mean square of the gradient at a layer's output: comparable between layers of different sizes."""

    role = "activation_gradient"

    def measure(self, sums: Taken, layer: Layer | None) -> Number:
        """sqrt((1/n) sum dy^2)."""
        return sums["activation_gradient"].rms


@PROBES.register
@dataclass(frozen=True)
class ActivationGradientMeanAbs(Probe):
    """Mean absolute gradient at a layer's output."""

    role = "activation_gradient"

    def measure(self, sums: Taken, layer: Layer | None) -> Number:
        """(1/n) sum abs dy."""
        return sums["activation_gradient"].mean_abs


@PROBES.register
@dataclass(frozen=True)
class ActivationGradientNonfinite(Probe):
    """Number of values of the gradient at a layer's output that are NaN or infinite."""

    role = "activation_gradient"
    unit = "values"

    def measure(self, sums: Taken, layer: Layer | None) -> Number:
        """#(dy not finite)."""
        return sums["activation_gradient"].nonfinite
