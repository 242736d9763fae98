"""Gradients that are not reset.

What it is: PyTorch adds each gradient to those before it, and nobody sets the sum to zero:
    `optimizer.zero_grad()` is missing.
Why it hurts: every update follows the sum of all gradients since the start. It grows, points where the
    weights no longer are, and the run circles or diverges.
How it shows: a backward pass that begins a step finds gradients of the step before.
Confused with: a learning rate that is too high: a lower rate helps here too, for a while. Oscillation.
Sick recipe: any loop of `loss.backward(); optimizer.step()` alone.
Healthy look-alike: gradient accumulation, where several backward passes make one step.
Remedies: `optimizer.zero_grad()` before `loss.backward()`, in every step.
References: PyTorch documentation, `torch.optim.Optimizer.zero_grad`.
"""

from __future__ import annotations

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.visit.consultation import Consultation


@DIAGNOSES.register
class GradientsNotReset(Diagnosis):
    """Steps that began with the gradients of the steps before."""

    code = "K029"
    aliases = ("zero_grad", "zero grad", "gradients accumulate", "zero_grad 忘れ", "勾配のリセット忘れ")
    depth = 0
    is_harm = True  # no loop means this, even where a small rate hides it
    points_at = ("backward", "update", "model")
    explains = (
        "learning_rate_too_high",
        "learning_rate_too_low",
        "oscillation",
        "not_learning",
        "not_finite",
        "dead_units",
        "saturated_units",
        "under_fitting",
        "too_few_steps",
        "over_regularized",
        "loss_without_bound",
    )

    def sign(self, visit: Consultation) -> Sign | None:
        """More than one step that began with gradients."""
        since = visit.patient.loop.kept_gradients
        return None if since is None else Sign((), None, since, certain=True)
