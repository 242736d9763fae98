"""Batch norm misuse.

What it is: at test time batch norm uses running statistics that are not those it was trained with.
Why it hurts: the network is fine while training and wrong when it is used.
How it shows: on the same samples the loss in test mode is far above the loss in training mode; or batches
    are of a single sample.
Confused with: over-fitting (other samples, same mode), dropout (which is off in both).
Sick recipe: batches of 2; running statistics with momentum .9999 over some hundred steps.
Healthy look-alike: the first steps, before the running statistics have arrived; later in a run, a moment
    at which they lag behind weights that move.
Remedies: larger batches; running statistics that follow faster; training mode switched on and off where
    it belongs.
References: Ioffe and Szegedy 2015; Wu and Johnson 2021, 'Rethinking batch in BatchNorm'.
"""

from __future__ import annotations

from math import isfinite

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_GAP = 0.5
_SETTLED = 50


@DIAGNOSES.register
class BatchNormMisuse(Diagnosis):
    """Test mode far worse than training mode on the same samples."""

    code = "K026"
    aliases = (
        "batch normalization",
        "batchnorm",
        "bn",
        "running statistics",
        "eval mode",
        "バッチ正規化の誤用",
        "バッチ正規化",
    )
    depth = 1
    experiment = "batch-normalization"
    explains = ("over_fitting", "under_fitting", "not_learning", "oscillation", "too_few_steps")
    remedies = ("larger_batch",)

    def sign(self, visit: Consultation) -> Sign | None:
        """Gap of the modes, against the size of the loss of no learning (or the training loss)."""
        patient, look = visit.patient, visit.patient.last
        norms = [layer for layer in patient.layers if layer.traits.over_batch]
        if look is not None and norms and patient.batch_size == 1 and patient.loop.test_mode is None:
            measures = (Measure("samples_a_batch", 1.0, 2.0, above=False),)
            return Sign(measures, norms[0].path, 0, certain=True, details={"fault": "batch_of_one"})
        if look is None or not norms or look.step < _SETTLED or not isfinite(look.mode_gap):
            return None
        gap = look.mode_gap / max(look.loss, 0.1 * (visit.floor_loss or look.loss), 1e-12)
        certain = gap > 4 * _GAP
        if gap <= _GAP or not (certain or patient.finished):
            return None
        return Sign((Measure("mode_gap", gap, _GAP),), norms[0].path, None, certain=certain)

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Worse than simple learners; or a gap that costs a tenth of knowing nothing, and skill."""
        look, floor = visit.patient.last, visit.floor_loss
        costly = look is not None and floor is not None and look.mode_gap > 0.1 * floor
        return visit.harmed or (sign.details.get("fault") is None and costly and visit.shortfall > 0.03)
