"""Signs that several diagnoses read: scales of initial weights, gradient flow, plateaus, dead units."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, sqrt

import numpy as np

from koubai.core.params import Array
from koubai.doctor.patient.checkup import Checkup
from koubai.doctor.patient.layer_facts import LayerFacts
from koubai.doctor.patient.patient import Patient

EARLY = 0.02  # a checkup within this share of the run still shows the initial weights


def initial(patient: Patient) -> Checkup | None:
    """Return the checkup of the initial weights (or of the first 2 % of the run), if there is one."""
    first = patient.first
    if first is None:
        return None
    return first if first.step <= EARLY * max(patient.planned or patient.step, 1) else None


def following_activation(patient: Patient, layer: LayerFacts) -> LayerFacts | None:
    """Return the activation between a weighted layer and the next one."""
    behind = patient.layers[patient.layers.index(layer) + 1 :]
    for other in behind:
        if other.mixes:
            return None
        if other.activation:
            return other
    return None


def is_normalized(patient: Patient, layer: LayerFacts) -> bool:
    """Whether a norm stands between a weighted layer and the next one: its scale does not matter then."""
    behind = patient.layers[patient.layers.index(layer) + 1 :]
    for other in behind:
        if other.mixes:
            return False
        if other.traits.normalizes:
            return True
    return False


def scale_ratios(patient: Patient, look: Checkup) -> dict[str, float]:
    """Return weight scale / suitable scale of every hidden weighted layer without a norm behind it.

    Suitable is sqrt(g / fan_in), with g = 2 before what wants He's weights (He et al. 2015), else 1 (LeCun
    et al. 1998).
    """
    ratios = {}
    for layer in patient.weighted[:-1]:
        check = look.params.get(layer.params[0])
        if check is None or not check.units or is_normalized(patient, layer):
            continue
        following = following_activation(patient, layer)
        wanted = following.activation.wants if following is not None and following.activation else ""
        gain = 2.0 if wanted == "he_normal" else 1.0
        fan_in = check.size / check.units
        ratios[layer.path] = check.std / sqrt(gain / fan_in)
    return ratios


def gradient_flow(patient: Patient, look: Checkup) -> dict[str, float]:
    """Return the size of the gradient at the output of every weighted layer: root mean square per unit."""
    flow = {}
    for layer in patient.weighted:
        check = look.layers.get(layer.path)
        if check is not None and isfinite(check.gradient_norm):
            flow[layer.path] = check.gradient_norm / sqrt(max(check.units, 1))
    return flow


def dead_shares(patient: Patient, look: Checkup) -> dict[str, float]:
    """Return the share of units of every hidden activation that can die (ReLU) that fired for no sample."""
    shares = {}
    for layer in patient.hidden_activations:
        check = look.layers.get(layer.path)
        dies = layer.activation is not None and layer.activation.dies
        if dies and check is not None and check.units:
            shares[layer.path] = float((check.alive == 0).mean())
    return shares


def slopes(patient: Patient, look: Checkup) -> dict[str, Array]:
    """Return mean f' / max f' of the units of every hidden activation that saturates (sigmoid, tanh)."""
    found = {}
    for layer in patient.hidden_activations:
        check = look.layers.get(layer.path)
        saturates = layer.activation is not None and layer.activation.saturates
        if saturates and check is not None and check.slope is not None:
            found[layer.path] = check.slope
    return found


@dataclass(frozen=True)
class Plateau:
    """How long a run stood still at its beginning: steps, and as a share of the run."""

    steps: int
    share: float


def plateau(losses: Array, floor: float | None) -> Plateau:
    """Return how long the loss stayed within 2 % of its starting level (or of `floor`, that of no learning).

    Losses are averaged over windows of 2 % of the run; a start above the floor counts as standing still.
    """
    finite = losses[np.isfinite(losses)]
    if len(finite) < 20:
        return Plateau(0, 0.0)
    window = max(1, len(finite) // 50)
    means = np.array([part.mean() for part in np.array_split(finite, len(finite) // window)])
    level = floor if floor is not None and floor < means[0] else means[0]
    left = np.flatnonzero(means < 0.98 * level)
    count = int(left[0]) if len(left) else len(means)
    return Plateau(count * window, count / len(means))
