"""Probes of parameters: how large they are and how far one update moves them."""

from __future__ import annotations

from koubai.core.layer import Layer
from koubai.core.taps import Number, Taken
from koubai.probes.probe import PROBES, Probe


@PROBES.register
class WeightNorm(Probe):
    """Euclidean norm of a parameter, before the step's update."""

    role = "weight"
    quantity = "norm"  # sqrt(sum w^2)


@PROBES.register
class WeightNonfinite(Probe):
    """Number of values of a parameter that are NaN or infinite."""

    role = "weight"
    unit = "values"
    quantity = "nonfinite"  # #(w not finite)


@PROBES.register
class UpdateRatio(Probe):
    """Size of the step's update relative to the parameter: norm of (w after - w before) / norm of w before.

    Not defined for a parameter that is all 0 (a new bias).
    """

    role = "update"

    def measure(self, sums: Taken, layer: Layer | None) -> Number:
        """Norm of the update over norm of w."""
        return sums["update"].norm / sums["weight"].norm

    def defined(self, sums: Taken) -> Number:
        """Where the norm of w is not 0."""
        return sums["weight"].total_square != 0
