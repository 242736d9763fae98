"""Exploding gradient.

What it is: on its way back through the layers the gradient grows from layer to layer.
Why it hurts: the first layers are thrown far away by one update; the loss jumps, or becomes NaN.
How it shows: at the initial weights, the gradient at the first weighted layer is more than {grown:,.0f}
    times that at the last one, or the outputs grow as much on the way forward, or overflow.
Confused with: a learning rate that is too high (the gradient is fine at the start), inputs that are not
    normalized, initial weights that are too large.
Sick recipe: 2-[5]x10-1 with the exponential as activation.
Healthy look-alike: a short peak of the gradient that the loss does not follow.
Remedies: another activation, clipping, batch norm, a lower rate.
References: Bengio, Simard, Frasconi 1994; Pascanu, Mikolov, Bengio 2013.
"""

from __future__ import annotations

from math import isfinite

import numpy as np

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.signs import gradient_flow, initial
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_GROWN = 1e3


@DIAGNOSES.register
class ExplodingGradient(Diagnosis):
    """The gradient (or the signal) grows a thousandfold through the layers, before any update."""

    code = "K002"
    aliases = ("exploding", "exploding gradients", "gradient explosion", "勾配爆発", "勾配爆発問題")
    depth = 3
    experiment = "gradient-flow"
    explains = ("not_finite", "oscillation", "not_learning", "dead_units", "saturated_units")
    remedies = ("use_selu", "use_relu", "add_batch_norm", "clip_gradients", "lower_learning_rate")
    specific = ("use_selu", "use_relu", "clip_gradients")

    def sign(self, visit: Consultation) -> Sign | None:
        """Growth of the gradient backwards, or of the outputs forwards, at the initial weights."""
        patient, look = visit.patient, initial(visit.patient)
        if look is None or len(patient.weighted) < 2:
            return None
        flow = list(gradient_flow(patient, look).values())
        grown = flow[0] / flow[-1] if flow and flow[-1] > 0 else 0.0
        sizes = [look.layers[layer.path].max_abs for layer in patient.weighted if layer.path in look.layers]
        swollen = max(sizes) / sizes[0] if sizes and sizes[0] > 0 else 0.0
        overflow = next((path for path, check in look.layers.items() if check.nonfinite), None)
        if overflow is None and not (grown > _GROWN or swollen > _GROWN or not isfinite(grown)):
            return None
        measures = [Measure("gradient_growth", grown, _GROWN), Measure("signal_growth", swollen, _GROWN)]
        if overflow is not None:
            measures.append(Measure("nonfinite_values", float(look.layers[overflow].nonfinite), 0.0))
        layer = overflow or next(iter(gradient_flow(patient, look)))
        return Sign(
            tuple(measures),
            layer,
            0,
            details={"growth": grown},
            series={"gradient_by_depth": (np.arange(len(flow)), np.array(flow))},
        )

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Worse than simple learners, or not finite."""
        return visit.harmed or not np.isfinite(visit.patient.losses).all()
