"""Updates skipped by mixed precision.

What it is: a gradient scaler found infinite or NaN gradients in most updates, and skipped these.
Why it hurts: what is skipped is not learned from; where all is skipped, nothing trains at all.
How it shows: of {enough} or more updates that were tried through `scaler.step`, at least {most:.0%}
    were skipped.
Confused with: a learning rate that is too low, an optimizer that never steps.
Sick recipe: half precision, and a loss or a layer whose numbers exceed 65,504 whatever the scale is.
Healthy look-alike: the first ten or so updates, until the scale has come down; now and then one later.
Remedies: bfloat16, which needs no scaler; compute what overflows (a sum, a norm, a softmax by hand) in
    float32; look for infinite inputs.
References: Micikevicius et al. 2018, "Mixed precision training"; PyTorch documentation, torch.amp.
"""

from __future__ import annotations

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_ENOUGH = 20  # updates tried
_MOST = 0.5  # of them


@DIAGNOSES.register
class StepsSkipped(Diagnosis):
    """A gradient scaler skipped most updates."""

    code = "K036"
    aliases = ("amp", "gradscaler", "mixed precision", "overflow", "混合精度", "更新のスキップ")
    depth = 0
    is_harm = True  # no program means this
    points_at = ("update", "backward", "model")
    explains = (
        "not_training",
        "learning_rate_too_low",
        "too_few_steps",
        "under_fitting",
        "not_learning",
        "not_finite",
        "gradients_summed",
    )

    def sign(self, visit: Consultation) -> Sign | None:
        """At least half of 20 or more updates."""
        loop = visit.patient.loop
        if loop.tried < _ENOUGH or loop.skipped < _MOST * loop.tried:
            return None
        share = loop.skipped / loop.tried
        measure = Measure("skipped", share, _MOST)
        details = {"skipped": loop.skipped, "tried": loop.tried}
        severity = "severe" if loop.skipped == loop.tried else "warn"
        return Sign(
            (measure,), None, None, severity, certain=True, measured=True, by_hand=True, details=details
        )
