"""The future is seen.

What it is: a network that is to predict what comes next in a sequence is shown it: its answer at a place
    changes with the inputs of later places, and the next of these is the target.
Why it hurts: it learns to copy. The loss falls nicely, on held-out samples too; where it has to go on by
    itself, the next input is not there, and it knows nothing.
How it shows: the targets of a step are its inputs, one place on. The same inputs are put in again in test
    mode with their later half replaced, and the answers to the earlier half change. Or the targets are
    inputs at the very same places, and the network goes on from what came before (its answers change with
    earlier inputs, and not with later ones): nobody has shifted them.
Confused with: over-fitting (here held-out samples are answered as well); a good score.
Sick recipe: a transformer without its causal mask; a mask the wrong way round; nn.LSTM(bidirectional=True); a
    convolution over time with the same padding on both sides.
Healthy look-alike: networks that tag or fill in, whose targets are not their own inputs: they may read both
    ways.
Remedies: is_causal=True, or a mask of minus infinity above the diagonal; padding on the left only; one
    direction.
References: Vaswani et al. 2017, "Attention is all you need", sec. 3.1 (masking); van den Oord et al. 2016,
    "WaveNet", sec. 2.1 (causal convolutions).
"""

from __future__ import annotations

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

CHANGED = 1e-3  # of how much answers differ from place to place and from sample to sample


@DIAGNOSES.register
class FutureSeen(Diagnosis):
    """Answers that change with the inputs that come later, and that are to be predicted."""

    code = "K034"
    aliases = (
        "causal mask",
        "no causal mask",
        "look-ahead",
        "information leak",
        "未来の参照",
        "因果マスク",
        "情報の漏れ",
    )
    depth = 0
    is_harm = True  # nobody means it, whatever the score is: most of all where that is good
    points_at = ("model", "loss", "backward")
    explains = ("over_fitting", "under_fitting", "too_few_steps")

    def sign(self, visit: Consultation) -> Sign | None:
        """Other inputs later on, other answers before."""
        if visit.patient.copies_targets:
            return Sign((), None, 0, certain=True, by_hand=True, details={"fault": "copied"})
        change = visit.patient.change_by_future
        if not change > CHANGED:
            return None
        return Sign(
            (Measure("change_by_future", change, CHANGED),),
            None,
            0,
            certain=True,
            by_hand=True,
            details={"change": change},
        )
