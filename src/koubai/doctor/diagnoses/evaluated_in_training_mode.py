"""Evaluated in training mode.

What it is: the network is evaluated without `model.eval()`: dropout still takes units away, and batch norm
    normalizes by the samples that happen to be asked about together.
Why it hurts: scores are those of a network that is damaged at random, or whose answers hang on their batch;
    running statistics take in samples that should only be asked about. Rates, sizes and the best epoch
    are chosen by these scores.
How it shows: the last evaluation was made without gradients and in training mode, each sample once, and the
    very same samples answered in test mode are right more often by {lost:g} or more, or the loss of values
    is {times:g} times as large as there. Where it costs less it is told as information. The same in test mode
    where functions still drop units: `F.dropout` does unless it is told the mode.
Confused with: over-fitting (the loss of the evaluation lies above that of training), batch norm misuse.
Sick recipe: a function `evaluate(model)` with `torch.no_grad()` and nothing else, in a model with dropout.
Healthy look-alike: dropout that is drawn many times for each sample to tell how sure an answer is; samples of
    training asked about once more; a network without dropout and batch norm.
Remedies: `model.eval()` before an evaluation, `model.train()` behind it. `torch.no_grad()` does not do it.
References: PyTorch documentation, `torch.nn.Module.eval`; Gal and Ghahramani 2016, for drawing on purpose.
"""

from __future__ import annotations

from math import isfinite, sqrt
from typing import Any

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.held_modes import HeldModes
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_LOST = 0.02
_TIMES = 1.2
_SURELY = 2.0  # standard errors
_SAME = 1e-3  # of the loss: there is nothing in the network that has two modes


@DIAGNOSES.register
class EvaluatedInTrainingMode(Diagnosis):
    """An evaluation with dropout, or with the statistics of its batches."""

    code = "K045"
    aliases = (
        "model.eval() missing",
        "eval() forgotten",
        "dropout at test time",
        "評価時の学習モード",
        "eval() 忘れ",
    )
    depth = 0
    points_at = ("evaluation", "model")
    explains = ("over_fitting", "batch_norm_misuse", "answers_depend_on_batch")

    def sign(self, visit: Consultation) -> Sign | None:
        """The last evaluation was made in training mode, and that makes a difference."""
        modes = visit.patient.held_modes
        if modes is None or not abs(modes.loss_training - modes.loss) > _SAME * abs(modes.loss):
            return None
        told: tuple[Measure, ...] = ()
        if modes.classes:
            told = (
                Measure("held_skill_in_training_mode", modes.skill_training),
                Measure("held_skill_in_test_mode", modes.skill),
            )
        times = modes.loss_training / modes.loss if modes.loss > 0 else 1.0
        measures = (*told, Measure("held_loss_of_modes", times, None if modes.classes else _TIMES))
        details: dict[str, Any] = {
            "before": modes.loss_training,
            "after": modes.loss,
            "costs": _costs(modes, times),
        }
        if modes.functions:
            details["fault"] = "functions"
        return Sign(measures, None, 0, "warn", certain=True, note=True, by_hand=True, details=details)

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """The scores are clearly lower than those of the network as it is used."""
        return bool(sign.details["costs"])


def _costs(modes: HeldModes, times: float) -> bool:
    """Whether answers are lost: of values, the loss is what counts."""
    if not modes.classes:
        return isfinite(times) and times > _TIMES
    lost, p = modes.skill - modes.skill_training, min(max(modes.skill, 0.0), 1.0)
    return lost > _LOST and lost > _SURELY * sqrt(p * (1 - p) / modes.rows)
