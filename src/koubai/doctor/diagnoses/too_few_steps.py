"""Too few steps.

What it is: the run ended while it was still learning.
Why it hurts: what the network could know it does not know yet.
How it shows: the loss still falls at the end, by more than chance explains, or the run is too short to tell;
    going on from there brings much of what is missing, on held-out samples too.
Confused with: a learning rate that is too low (many steps, each too small), a plateau before learning
    begins.
Sick recipe: any healthy recipe with a twentieth of its steps.
Healthy look-alike: a loss that still creeps down after the skill has settled.
Remedies: more steps; a higher rate.
References: Bengio 2012, "Practical recommendations for gradient-based training", sec. 3.1.2.
"""

from __future__ import annotations

from math import isfinite

import numpy as np

from koubai.doctor.diagnoses.diagnosis import CURED, DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.clinic import Change, Trial
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_SURE = 3.0
_LONGER = (3, 9)
_TELLING = 30  # losses, below which no slope can be told from noise


@DIAGNOSES.register
class TooFewSteps(Diagnosis):
    """The loss was still falling when the run ended, and going on helps."""

    code = "K013"
    aliases = (
        "too few epochs",
        "epochs",
        "insufficient training",
        "not converged",
        "学習不足",
        "エポック不足",
    )
    depth = 3
    points_at = ("optimizer", "update")
    explains = ("under_fitting", "not_learning")
    remedies = ("more_steps", "raise_learning_rate")

    def sign(self, visit: Consultation) -> Sign | None:
        """A slope over the last third of a finished run, in standard errors; in a very short run, always."""
        patient = visit.patient
        if not patient.finished or patient.planned is None or not np.isfinite(patient.losses).all():
            return None
        falling = visit.falling
        if falling < _SURE and patient.step >= _TELLING:
            return None
        measure = Measure("still_falling", falling, _SURE)
        if falling < _SURE:
            measure = Measure("updates", patient.step, _TELLING, above=False)
        return Sign((measure,), None, patient.step)

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Far from what is within reach: a little can always be tuned."""
        return visit.far

    def relief(self, visit: Consultation, trial: Trial) -> float:
        """The share it brought, on training and on held-out samples: learning by heart is no cure."""
        relief = super().relief(visit, trial)
        if visit.reach is None or not isfinite(trial.held_skill) or not isfinite(visit.held_shortfall):
            return relief
        missing = visit.reach.held - visit.held_skill
        return min(relief, (trial.held_skill - visit.held_skill) / missing) if missing > 0 else relief

    def treat(self, visit: Consultation, sign: Sign) -> list[tuple[str, Trial | None]]:
        """Go on from the end, three times as long; if that does not help, nine times."""
        clinic, steps = visit.patient.clinic, visit.patient.step
        go_on = None
        if clinic is None:
            return []
        for longer in _LONGER:
            trial = clinic.trial(Change("nothing"), start=steps, steps=longer * steps)
            if trial is None:
                break
            go_on = trial
            if self.relief(visit, trial) >= CURED:
                break
        return [("more_steps", go_on)]
