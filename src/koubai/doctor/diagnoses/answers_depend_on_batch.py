"""Answers depend on the other samples of the batch.

What it is: in test mode, what the network answers to one sample changes with the samples beside it: a
    softmax, a norm, a mean or a recurrent layer works along the batch instead of the features or time.
Why it hurts: no answer belongs to its sample. Scores change with the batch size and the order; alone, a
    sample gets another answer still.
How it shows: the same samples are put in twice, with others beside them: their answers differ.
Confused with: batch norm in training mode, where this is meant; dropout (its answers differ by themselves).
Sick recipe: `(h - h.mean(0)) / h.std(0)` between layers; nn.LSTM on (N, T, F) without batch_first.
Healthy look-alike: batch norm in test mode; graphs and sets, whose rows belong together.
Remedies: name the axis: dim=-1 for classes and features; batch_first=True; batch norm and `model.eval()`.
References: PyTorch documentation, `torch.nn.LSTM` (batch_first), `torch.softmax` (dim).
"""

from __future__ import annotations

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_CHANGED = 1e-4  # of how much answers differ from sample to sample: a softmax over a large batch does little


@DIAGNOSES.register
class AnswersDependOnBatch(Diagnosis):
    """Answers in test mode that change with the samples beside them."""

    code = "K033"
    aliases = (
        "batch axis",
        "wrong axis",
        "wrong dim",
        "batch_first",
        "batch leakage",
        "バッチ軸の取り違え",
        "軸の間違い",
    )
    depth = 0
    is_harm = True  # nobody means it, whatever the score is
    points_at = ("mixing", "model", "loss", "backward")
    explains = (
        "under_fitting",
        "not_learning",
        "too_few_steps",
        "over_fitting",
        "batch_norm_misuse",
        "labels_wrong",
    )

    def sign(self, visit: Consultation) -> Sign | None:
        """The same samples beside others are answered otherwise."""
        change, by = visit.patient.change_by_mates, visit.patient.mixed_by
        if not change > _CHANGED:
            return None
        return Sign(
            (Measure("change_by_mates", change, _CHANGED),),
            None,
            0,
            certain=True,
            by_hand=True,
            details={"change": change, **({"fault": "by_function", "function": by} if by else {})},
        )
