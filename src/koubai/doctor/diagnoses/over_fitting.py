"""Over-fitting.

What it is: the network learns the training samples by heart instead of what they have in common.
Why it hurts: it answers new samples worse than it could, and surer than it should.
How it shows: the loss on held-out samples rises from its best, evaluation after evaluation, while the
    training loss falls; or fewer than {different:.0%} of the training samples are different ones; or
    simple learners answer held-out samples far better. And held-out errors are many more than training
    errors.
Confused with: a small gap, which every good network has; a single bad evaluation; label noise; rare classes.
Sick recipe: 784-1024-1024-10 on 1,000 images, 100 epochs.
Healthy look-alike: train 99.9 %, test 98.5 %.
Remedies: early stopping; L2; dropout; more data or augmentation; a smaller network.
References: Prechelt 1998; Srivastava et al. 2014.
"""

from __future__ import annotations

from math import isfinite

import numpy as np

from koubai.core.params import Array
from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.clinic import Trial
from koubai.doctor.visit.consultation import FAR, Consultation
from koubai.doctor.visit.finding import Measure

_RISE = 0.15
_GAP = 0.08
_DIFFERENT = 0.5
_EVALUATIONS = 4


@DIAGNOSES.register
class OverFitting(Diagnosis):
    """Held-out loss rising from its best while the training loss falls, with a gap in skill."""

    code = "K014"
    aliases = ("overfitting", "overfit", "過学習", "過剰適合")
    depth = 3
    describes = True
    points_at = ("model", "loss", "backward")
    experiment = "over-fitting"
    remedies = ("add_dropout", "stop_early", "add_weight_decay")

    def sign(self, visit: Consultation) -> Sign | None:
        """Rise of the held-out loss above its best; or copies; or simple learners that do far better."""
        return _rise(visit) or _copies(visit) or _beaten(visit)

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """A wide gap in skill, most held-out errors being of that kind."""
        gap = visit.skill - visit.held_skill
        if not isfinite(gap) or visit.harmed:
            return False
        return gap > max(_GAP, 3 * visit.held_noise) and gap > 0.5 * (1 - visit.held_skill)

    def treat(self, visit: Consultation, sign: Sign) -> list[tuple[str, Trial | None]]:
        """The history shows what stopping early would have kept."""
        return []


def _rise(visit: Consultation) -> Sign | None:
    """Return the sign of a held-out loss (median of three) that rises while the training loss falls."""
    patient = visit.patient
    part = patient.held
    if part is None:
        return None
    steps, held = patient.history.series(f"{part}_loss")
    train = patient.history.series("train_loss")[1]
    if len(held) < 4 or not np.isfinite(held).all():
        return None
    best = int(held.argmin())
    rise = float(np.median(held[-3:]) / held[best] - 1) if held[best] > 0 else 0.0
    if rise <= _RISE or len(held) - best < _EVALUATIONS or not _lasts(held[best:]):
        return None
    if len(train) == len(held) and train[-1] > train[best]:
        return None
    return Sign(
        (
            Measure("held_loss_rise", rise, _RISE),
            Measure("skill_gap", visit.skill - visit.held_skill, _GAP),
        ),
        None,
        int(steps[best]),
        details={"part": part, "rise": rise, "best_step": int(steps[best])},
        series={f"{part}_loss": (steps, held), "train_loss": patient.history.series("train_loss")},
    )


def _copies(visit: Consultation) -> Sign | None:
    """Return the sign of training samples that are mostly copies of each other, at the end of a run."""
    data = visit.patient.data
    if data.x is None or data.t is None or len(data.x) < 2 or not visit.patient.finished:
        return None
    pairs = zip(np.asarray(data.x), np.asarray(data.t), strict=True)
    different = len({(x.tobytes(), t.tobytes()) for x, t in pairs})
    share = different / len(data.x)
    if share >= _DIFFERENT:
        return None
    measures = (
        Measure("different_samples", share, _DIFFERENT, above=False),
        Measure("skill_gap", visit.skill - visit.held_skill, _GAP),
    )
    return Sign(measures, None, 0, details={"fault": "copies", "different": different, "count": len(data.x)})


def _beaten(visit: Consultation) -> Sign | None:
    """Return the sign of simple learners that saw the same samples and answer held-out ones far better."""
    held = visit.held_skill
    if not visit.patient.finished or not isfinite(held):
        return None
    if visit.chance < held and 1 - held <= FAR * (1 - visit.chance):
        return None  # more cannot be missing: simple learners need not be asked
    if not visit.held_shortfall > FAR:
        return None
    measures = (
        Measure("held_shortfall", visit.held_shortfall, FAR),
        Measure("skill_gap", visit.skill - visit.held_skill, _GAP),
    )
    reachable = visit.reach.held if visit.reach is not None else visit.goal
    details = {"fault": "beaten", "held": visit.held_skill, "reachable": reachable}
    return Sign(measures, None, None, details=details)


def _lasts(held: Array) -> bool:
    """Whether more of the changes since the best go up than down, or it has settled well above the best.

    A network that knows its samples by heart changes no more: its held-out loss stays where it rose to.
    """
    later = held[len(held) // 2 :]
    return bool((np.diff(held) > 0).mean() > 0.6 or later.min() > (1 + _RISE) * held[0])
