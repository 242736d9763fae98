"""A mask the wrong way round.

What it is: a mask leaves out what is meant and keeps the padding: True stands for "take part" in one function
    of PyTorch and for "leave out" in another.
Why it hurts: the network sees nothing of its input but the padding, or what reaches a place by itself.
How it shows: the mask is held against the inputs: all places that it keeps hold one and the same thing, in
    stretches, and no place that it leaves out does.
Confused with: too small a network, a rate that is too low: nothing is learned, or little.
Sick recipe: `src_key_padding_mask=ids != pad`; `scores.masked_fill(ids != pad, -inf)`.
Healthy look-alike: one marked place in each sequence that is picked out on purpose (a class token).
Remedies: turn it round. `key_padding_mask` and `masked_fill`: True leaves out; a boolean `attn_mask` of
    `scaled_dot_product_attention`: True takes part; a mask that is multiplied: 1 takes part.
References: PyTorch documentation, `torch.nn.MultiheadAttention` (key_padding_mask),
    `torch.nn.functional.scaled_dot_product_attention` (attn_mask).
"""

from __future__ import annotations

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.visit.consultation import Consultation


@DIAGNOSES.register
class MaskInverted(Diagnosis):
    """A mask that keeps the padding alone."""

    code = "K042"
    aliases = (
        "inverted mask",
        "padding mask",
        "attention mask",
        "key_padding_mask",
        "マスクの反転",
        "パディングマスク",
    )
    depth = 0
    is_harm = True  # nobody means it, whatever the score is
    points_at = ("mask", "model", "loss")
    explains = (
        "not_learning",
        "under_fitting",
        "too_few_steps",
        "over_fitting",
        "learning_rate_too_low",
        "representations_alike",
        "labels_wrong",
    )

    def sign(self, visit: Consultation) -> Sign | None:
        """A mask that keeps only the padding was seen."""
        if "mask" not in visit.patient.places:
            return None
        return Sign((), None, 0, certain=True, by_hand=True)
