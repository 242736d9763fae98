"""Probes of activations: where they lie and how much of a gradient they let through."""

from __future__ import annotations

from koubai.core.layer import Layer
from koubai.core.taps import Number, Taken
from koubai.probes.probe import PROBES, Probe


@PROBES.register
class ActivationMean(Probe):
    """Mean of a layer's output y over samples and units."""

    role = "activation"
    quantity = "mean"  # (1/n) sum y


@PROBES.register
class ActivationStd(Probe):
    """Standard deviation of a layer's output y over samples and units."""

    role = "activation"
    quantity = "std"  # sqrt((1/n) sum (y - mean y)^2)


@PROBES.register
class ZeroShare(Probe):
    """Share of a layer's outputs that are exactly 0: sparsity, not yet death."""

    role = "activation"
    unit = "share"
    quantity = "zero_share"  # (1/n) #(y = 0)


@PROBES.register
class Saturation(Probe):
    """How flat an activation is where it is used: 1 - mean f' / max f'.

    0 = every unit stands where f is steepest, 1 = no gradient gets through. From the outputs' sums alone:

        sigmoid   f' = y (1 - y), max 1/4     1 - 4 (mean y - mean y^2)
        tanh      f' = 1 - y^2,   max 1       mean y^2
        ReLU      f' = (y > 0),   max 1       share of zeros

    Other layers have no entry: their f' does not follow from these sums.
    """

    role = "activation"
    unit = "share"

    def measure(self, sums: Taken, layer: Layer | None) -> Number | None:
        """1 - mean f' / max f', or None for another layer."""
        y = sums["activation"]
        mean_square = y.total_square / y.count if y.count else 0.0
        match layer.registry_name if layer is not None else "":  # formulas of these three, by their names
            case "sigmoid":
                return 1 - 4 * (y.mean - mean_square)
            case "tanh":
                return mean_square
            case "relu":
                return y.zero_share
        return None


@PROBES.register
class ActivationNonfinite(Probe):
    """Number of outputs that are NaN or infinite."""

    role = "activation"
    unit = "values"
    quantity = "nonfinite"  # #(y not finite)
