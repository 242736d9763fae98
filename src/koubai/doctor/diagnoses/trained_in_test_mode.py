"""Trained in test mode.

What it is: `model.eval()` was called, for an evaluation or at the start, and `model.train()` not before the
    updates that follow.
Why it hurts: dropout is off, so nothing holds over-fitting back; batch norm takes its running statistics for
    those of the batch, and they stay what they were, at the very start 0 and 1, as if there were none.
How it shows: the model is in test mode while its loss is differentiated and its weights are updated.
Confused with: batch norm misuse, where the modes are right and the running statistics are not; over-fitting,
    which follows.
Sick recipe: a loop whose first evaluation calls `model.eval()`, and `model.train()` stands before the loop.
Healthy look-alike: a pretrained network in test mode from the first update on, so that its statistics stay.
Remedies: `model.train()` at the beginning of each epoch; layers that should stay in test mode one by one.
References: PyTorch documentation, `torch.nn.Module.eval`; Ioffe and Szegedy 2015.
"""

from __future__ import annotations

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.visit.consultation import Consultation


@DIAGNOSES.register
class TrainedInTestMode(Diagnosis):
    """Updates while dropout and batch norm are in test mode."""

    code = "K030"
    aliases = (
        "eval mode",
        "model.eval()",
        "model.train() missing",
        "train mode",
        "評価モードのまま学習",
        "eval モード",
    )
    depth = 0
    is_harm = True  # nobody changes the mode between updates on purpose, or puts in norms that do nothing
    points_at = ("backward", "update", "model")
    explains = (
        "batch_norm_misuse",
        "over_fitting",
        "not_learning",
        "under_fitting",
        "too_few_steps",
        "exploding_gradient",
        "vanishing_gradient",
        "dead_units",
    )

    def sign(self, visit: Consultation) -> Sign | None:
        """A model with dropout or batch norm that is updated in test mode until the end."""
        loop = visit.patient.loop
        if loop.test_mode is None:
            return None
        meant = not (loop.had_trained or loop.idle_norms or visit.harmed)
        return Sign((), None, loop.test_mode, "info" if meant else "", certain=True)
