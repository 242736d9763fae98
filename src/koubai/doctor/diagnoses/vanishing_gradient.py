"""Vanishing gradient.

What it is: on its way back through the layers the gradient becomes so small that the first layers learn
    nothing.
Why it hurts: dE/dx is a product of weights and derivatives f', one of each per layer. Sigmoid' is at most
    1/4, so over ten layers the derivatives alone are at most a millionth; weights of usual size do not make
    up for it. The last layers then learn from inputs that carry no information.
How it shows: the gradient at the output of the first weighted layer is below {lost:g} of that at the last
    one, and the run does worse than it should; below {weak:g}, if another activation, batch norm or shortcuts
    also cure it. Of a recurrent layer in a run that is far behind: the gradient at the inputs of the first
    times is below {lost:g} of that at the time where it is largest.
Confused with: weights that start too small (then the scale cures it), dead units (the gradient is exactly
    0), saturation, a learning rate that is too low.
Sick recipe: 2-[5]x11-1 with sigmoid everywhere.
Healthy look-alike: 20 sigmoid layers with batch norm; small gradients because everything is learned.
Remedies: ReLU with He weights, batch norm, SELU, residual connections, fewer layers.
References: Hochreiter 1991; Bengio, Simard, Frasconi 1994; Glorot and Bengio 2010.
"""

from __future__ import annotations

import numpy as np

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.signs import dead_shares, gradient_flow, initial
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_LOST = 1e-3
_WEAK = 1e-2  # between the two, only a trial can tell


@DIAGNOSES.register
class VanishingGradient(Diagnosis):
    """The gradient shrinks a thousandfold from the last weighted layer to the first, or nearly so."""

    code = "K003"
    aliases = ("vanishing", "gradient vanishing", "vanishing gradients", "勾配消失", "勾配消失問題")
    depth = 3
    experiment = "vanishing-gradient"
    explains = ("not_learning", "too_few_steps", "learning_rate_too_low", "under_fitting")
    remedies = ("add_batch_norm", "use_selu", "use_relu", "add_shortcuts", "suitable_init")
    specific = ("add_batch_norm", "use_selu", "use_relu", "add_shortcuts")

    def sign(self, visit: Consultation) -> Sign | None:
        """First against last weighted layer, at the start and at the end; a dead layer is another matter.

        Of recurrent layers, early times against late ones.
        """
        patient = visit.patient
        looks = [look for look in (initial(patient), patient.last) if look is not None]
        ratios = {}
        for look in looks:
            flow = list(gradient_flow(patient, look).values())
            dead = max(dead_shares(patient, look).values(), default=0.0) == 1.0
            if len(flow) >= 3 and flow[-1] > 0 and not dead:
                ratios[look.step] = flow[0] / flow[-1]
        limit = _LOST if min(ratios.values(), default=1.0) < _LOST else _WEAK
        if min(ratios.values(), default=1.0) >= limit:
            return _over_time(visit)
        step, ratio = next(item for item in ratios.items() if item[1] < limit)  # since when, not when worst
        look = next(look for look in looks if look.step == step)
        flow_by_path = gradient_flow(patient, look)
        depth = np.arange(len(flow_by_path))
        return Sign(
            (
                Measure("gradient_ratio", ratio, limit, above=False),
                Measure("gradient_per_layer", ratio ** (1 / (len(depth) - 1))),
            ),
            next(iter(flow_by_path)),
            step,
            details={"ratio": ratio, "inverse": 1 / ratio if ratio else float("inf"), "layers": len(depth)},
            series={"gradient_by_depth": (depth, np.array(list(flow_by_path.values())))},
        )

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Worse than simple learners; a run that diverged has another disease."""
        return visit.harmed and bool(np.isfinite(visit.patient.losses).all())

    def stands_alone(self, visit: Consultation, sign: Sign) -> bool:
        """Without trials only a gradient that is lost beyond doubt counts."""
        return sign.measures[0].value < _LOST


def _over_time(visit: Consultation) -> Sign | None:
    """Return the sign of a gradient that is lost on its way to early times, in a run that is far behind.

    Where the late times say enough, nothing is lost: such a run is on its way.
    """
    look = visit.patient.last
    if look is None or not look.fading or not visit.far or visit.on_its_way:
        return None
    path, ratio = min(look.fading.items(), key=lambda item: item[1])
    if ratio >= _LOST:
        return None
    details = {"fault": "time", "inverse": 1 / ratio if ratio else float("inf")}
    measures = (Measure("gradient_ratio", ratio, _LOST, above=False),)
    return Sign(measures, path, look.step, by_hand=True, details=details)
