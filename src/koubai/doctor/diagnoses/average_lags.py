"""An average of weights that lags behind.

What it is: an average of the weights (EMA) is kept beside the model, and hardly follows it: its decay is too
    slow for so few updates, or it is brought forward once an epoch instead of at each update.
Why it hurts: who evaluates or saves the average has a network that is nearly as it was drawn.
How it shows: late in the run a copy of the model has gone less than {lags:.0%} of the way that the weights of
    the model have gone from their start, in their direction ({teacher_lags:.0%} where it answers for targets,
    and is meant to be slow). Or a copy that is asked for targets, in a
    program that prints its returns, is after {many:.0f} updates or more still what it was at first: the
    target network of Q-learning is never brought forward.
Confused with: a model that learns nothing: its own loss falls.
Sick recipe: a decay of .9999 over a few hundred updates; `ema.update()` behind the epoch's loop.
Healthy look-alike: a reference that is kept as it was (it does not move); an average of the last epochs.
Remedies: a decay whose time, 1 / (1 - decay) updates, is a small part of the run; or a decay that grows, as
    min(decay, (1 + t) / (10 + t)); bring it forward at each update.
References: Polyak and Juditsky 1992; PyTorch documentation, `torch.optim.swa_utils.get_ema_multi_avg_fn`.
"""

from __future__ import annotations

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure
from koubai.doctor.visit.returns import FEWEST

_LAGS = 0.15  # of the way
_TEACHER_LAGS = 0.05  # the same of one that answers for targets, and is meant to be slow
_ENOUGH = 100  # updates
_MANY = 300  # updates without any change of a target network


@DIAGNOSES.register
class AverageLags(Diagnosis):
    """A copy of the model that follows it, and has hardly left the start."""

    code = "K043"
    aliases = ("EMA", "exponential moving average", "weight averaging", "重みの移動平均", "指数移動平均")
    depth = 0
    is_harm = True  # the average is of no use, whatever the model itself has learned
    points_at = ("update", "model")

    def sign(self, visit: Consultation) -> Sign | None:
        """It has moved, and hardly; or, of a target network, not at all."""
        patient = visit.patient
        if (patient.stands or 0) >= _MANY and len(patient.aims.paid) >= FEWEST:
            details = {"fault": "target", "at": patient.stands}
            return Sign((), None, 0, "warn", certain=True, by_hand=True, details=details)
        found = patient.followed
        lags = _LAGS if patient.loss_speaks else _TEACHER_LAGS
        if found is None or found[0] < _ENOUGH or not 0 < found[1] < lags:
            return None
        updates, share = found
        measure = Measure("way_of_average", share, lags, above=False)
        return Sign((measure,), None, 0, certain=True, by_hand=True, details={"share": share, "at": updates})
