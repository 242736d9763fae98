"""NaN or infinity.

What it is: a number has left the range of floating point: an overflow, a logarithm of 0, a division by 0.
Why it hurts: one NaN makes all weights NaN with the next update. Nothing after it means anything.
How it shows: the first step whose loss is not finite, and the first layer in forward order that is not. Of a
    script the steps before are repeated on a fork, and every operation is looked at: the first whose value
    or gradient is not finite is named, with its line, if what it took was of a usual size.
Confused with: nothing; but often it is an end, not a beginning. What led there has another name then: a rate
    that is too high, an exploding gradient, inputs of the wrong scale, a loss on the wrong output.
Sick recipe: 784-30-10 linear, mean squared error, SGD with rate 3.
Healthy look-alike: a loss that jumps and stays finite; masks of minus infinity before a softmax.
Remedies: the root's; if none is found: rate / 10, a loss on logits, normalized inputs, clipping.
References: Goodfellow, Bengio, Courville 2016, sec. 4.1.
"""

from __future__ import annotations

import numpy as np

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.clinic import Trial
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Finding, Measure


@DIAGNOSES.register
class NotFinite(Diagnosis):
    """A loss, an output or a weight that is NaN or infinite."""

    code = "K001"
    aliases = ("nan", "inf", "nan loss", "nan/inf", "overflow", "divergence", "非数", "発散")
    depth = 4
    describes = True
    is_harm = True
    points_at = ("operation", "layer", "loss", "backward", "model")
    explains = ("not_learning", "dead_units", "vanishing_gradient", "saturated_units", "under_fitting")
    remedies = (
        "lower_learning_rate",
        "fix_output",
        "standardize_inputs",
        "use_selu",
        "suitable_init",
        "clip_gradients",
    )

    def sign(self, visit: Consultation) -> Sign | None:
        """The first loss that is not finite; else the first layer or parameter of the last look."""
        patient = visit.patient
        steps, losses = patient.history.series("loss")
        bad = np.flatnonzero(~np.isfinite(losses))
        layer = first_nonfinite(visit)
        if not len(bad) and layer is None and patient.origin is None:
            return None
        step = int(steps[bad[0]]) if len(bad) else patient.step
        measures = (Measure("nonfinite_losses", float(len(bad)), 0.0),)
        kind = patient.by_path[layer].kind if layer in patient.by_path else "loss"
        details = {"operation": kind, "step": step, "fault": "" if layer else "loss"}
        origin = patient.origin
        if origin is not None and origin.ordinary:
            step = step if len(bad) else origin.step
            details |= {"step": step, "fault": f"in_{origin.part}", "operation": origin.operation}
            details |= {"low": origin.low, "high": origin.high, "precision": origin.precision}
            return Sign(
                measures,
                None,
                origin.step,
                "severe",
                certain=True,
                measured=True,
                by_hand=True,
                details=details,
            )
        optimizer = patient.optimizer
        if optimizer is not None and optimizer.lost_epsilon and step > 1:
            details |= {"fault": "epsilon", "precision": optimizer.lost_epsilon, "optimizer": optimizer.name}
            return Sign(
                measures, None, 1, "severe", certain=True, measured=True, by_hand=True, details=details
            )
        return Sign(measures, layer, step, "severe", measured=bool(len(bad)), details=details)

    def may_follow(self, finding: Finding, root: Finding) -> bool:
        """What was traced to an operation follows only from what proves itself or what a trial cured."""
        traced = str(finding.details.get("fault", "")).startswith("in_")
        return not traced or root.certain or bool(root.relief)

    def treat(self, visit: Consultation, sign: Sign) -> list[tuple[str, Trial | None]]:
        """Nothing: what led there has a name and treatments of its own."""
        return []


def first_nonfinite(visit: Consultation) -> str | None:
    """Return the first layer in forward order that is not finite, in the earliest look that has one."""
    for look in visit.patient.checkups:
        for path, check in look.layers.items():
            if check.nonfinite:
                return path
        for path, param in look.params.items():
            if param.gradient_nonfinite or param.nonfinite:
                return path.rpartition(".")[0]
    return None
