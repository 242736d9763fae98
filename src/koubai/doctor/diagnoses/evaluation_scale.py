"""Evaluation sees other scales than training.

What it is: inputs are standardized (or divided by 255) in training and not in evaluation, or the other way
    round, or twice.
Why it hurts: the network has learned other numbers than it is asked about. Scores are those of another
    question; it may look like over-fitting.
How it shows: mean or deviation of the inputs differ between training and evaluation, and the loss of the
    evaluation falls clearly, most of the way to that of training, when inputs are brought to the mean and
    deviation of training. Or they have exactly the mean 0 and the deviation 1, or reach exactly the bounds
    of a scaler, in every feature: a scaler of their own did that.
Confused with: over-fitting; batch normalization whose running statistics are wrong.
Sick recipe: a transform for the training set, none for the test set; a layer that divides by 255 beside a
    loader that does.
Healthy look-alike: augmentation in training; test data of another kind (there scaling does not help).
Remedies: one function prepares inputs, for both; statistics are those of the training set.
References: Goodfellow et al. 2016, "Deep learning", sec. 12.2.1.1 (the same preprocessing for both).
"""

from __future__ import annotations

from math import isfinite

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.held_scale import RATIO, SHIFT, HeldScale
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_DIFFERS, _MOVED = RATIO, SHIFT
_HELPS = 1.5  # times the loss that is left when inputs are brought back
_CLOSED = 0.5  # of the way from the loss of the evaluation to that of training: most of it was the scale
_MUCH = 10.0


@DIAGNOSES.register
class EvaluationScale(Diagnosis):
    """Evaluation inputs of another scale, which cost it its loss."""

    code = "K040"
    aliases = (
        "train test preprocessing mismatch",
        "normalization mismatch",
        "train-serving skew",
        "評価時の前処理の違い",
        "正規化の不一致",
    )
    depth = 0
    is_harm = True  # the loss itself has told
    points_at = ("evaluation", "model", "loss")
    explains = ("over_fitting", "batch_norm_misuse")

    def sign(self, visit: Consultation) -> Sign | None:
        """Scaled back, the loss is far lower."""
        scale, own = visit.patient.held_scale, visit.patient.own_scale
        found = None if scale is None else _by_loss(scale)
        if found is not None or own is None:
            return found
        return Sign(
            (Measure("held_deviation", own.ratio),),
            None,
            0,
            "warn",
            certain=True,
            by_hand=True,
            details={"fault": own.how, "ratio": own.ratio},
        )


def _by_loss(scale: HeldScale) -> Sign | None:
    """Return the sign of inputs whose loss falls when they are brought to the scale of training."""
    if not isfinite(scale.rescaled) or not scale.rescaled > 0:
        return None
    times = scale.loss / scale.rescaled if isfinite(scale.loss) else float("inf")
    if not (times > _HELPS and scale.closed > _CLOSED):
        return None
    return Sign(
        (
            Measure("held_deviation", scale.ratio),
            Measure("held_shift", scale.shift),
            Measure("held_loss_over_rescaled", times, _HELPS),
        ),
        None,
        0,
        "severe" if times > _MUCH else "warn",
        certain=True,
        measured=True,
        by_hand=True,
        details={
            "ratio": scale.ratio,
            "shift": scale.shift,
            "loss": scale.loss,
            "rescaled": scale.rescaled,
        },
    )
