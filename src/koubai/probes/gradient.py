"""Probes of gradients: how large the message is that reaches a layer, and a parameter.

Gradients are those of the whole batch's mean loss; a parameter's include the penalties, before clipping.
"""

from __future__ import annotations

from koubai.probes.probe import PROBES, Probe


@PROBES.register
class GradientNorm(Probe):
    """Euclidean norm of a parameter's gradient."""

    role = "weight_gradient"
    quantity = "norm"  # sqrt(sum dw^2)


@PROBES.register
class GradientMeanAbs(Probe):
    """Mean absolute gradient of a parameter: comparable between layers of different sizes."""

    role = "weight_gradient"
    quantity = "mean_abs"  # (1/n) sum abs dw


@PROBES.register
class GradientNonfinite(Probe):
    """Number of values of a parameter's gradient that are NaN or infinite."""

    role = "weight_gradient"
    unit = "values"
    quantity = "nonfinite"  # #(dw not finite)


@PROBES.register
class ActivationGradientNorm(Probe):
    """Euclidean norm of the gradient at a layer's output, over the batch."""

    role = "activation_gradient"
    quantity = "norm"  # sqrt(sum dy^2)


@PROBES.register
class ActivationGradientRms(Probe):
    """Root mean square of the gradient at a layer's output: comparable between layers of different sizes."""

    role = "activation_gradient"
    quantity = "rms"  # sqrt((1/n) sum dy^2)


@PROBES.register
class ActivationGradientMeanAbs(Probe):
    """Mean absolute gradient at a layer's output."""

    role = "activation_gradient"
    quantity = "mean_abs"  # (1/n) sum abs dy


@PROBES.register
class ActivationGradientNonfinite(Probe):
    """Number of values of the gradient at a layer's output that are NaN or infinite."""

    role = "activation_gradient"
    unit = "values"
    quantity = "nonfinite"  # #(dy not finite)
