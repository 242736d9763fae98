"""Parameters that do not train.

What it is: parameters that never receive an update: not handed to the optimizer, frozen, cut off from the
    loss.
Why it hurts: a part of the network stays as it was drawn.
How it shows: parameters outside the optimizer; their update is exactly 0 while the others move. Layers in a
    plain list are in no `parameters()`.
Confused with: layers frozen on purpose (information only), vanishing gradient (small, not 0).
Sick recipe: 784-100-10 whose hidden layer the optimizer does not know.
Healthy look-alike: fine-tuning, where all but the last layer is frozen.
Remedies: hand them to the optimizer.
References: Yosinski et al. 2014, for freezing on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.patient import Patient
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Considered, Finding, Measure

_NAMED = 6


@DIAGNOSES.register
@dataclass(frozen=True)
class NotTraining(Diagnosis):
    """Parameters without updates."""

    code = "K025"
    aliases = (
        "frozen parameters",
        "parameters not trained",
        "missing parameters",
        "学習されないパラメータ",
        "凍結されたパラメータ",
    )
    depth = 0
    points_at = ("optimizer", "update", "layer", "backward")
    explains = (
        "under_fitting",
        "not_learning",
        "too_few_steps",
        "learning_rate_too_low",
        "vanishing_gradient",
        "dead_units",
    )
    remedies = ("train_everything",)

    def sign(self, visit: Consultation) -> Sign | None:
        """Any parameter that is known not to train; of updates that a scaler skips, `steps_skipped` tells."""
        patient = visit.patient
        if not patient.untrained or patient.loop.skipped > patient.step:
            return None
        meant = set(patient.untrained) <= set(patient.declared_frozen)
        measures = (Measure("untrained_parameters", float(len(patient.untrained)), 0.5),)
        told = tuple(dict.fromkeys((*patient.unlisted, *patient.untrained)))
        named = ", ".join(told[:_NAMED]) + (", ..." if len(told) > _NAMED else "")
        fault = self._fault(patient)
        details = {
            "paths": named,
            "meant": meant,
            "fault": fault or ("unlisted" if patient.unlisted else ""),
            "passes": patient.loop.passes,
        }
        nothing = bool(fault)
        severity = "severe" if nothing else ""
        return Sign(
            measures,
            told[0].rpartition(".")[0],
            1,
            severity,
            certain=not meant,
            measured=nothing,
            by_hand=nothing,
            details=details,
        )

    @staticmethod
    def _fault(patient: Patient) -> str:
        """Return what kept all parameters from being updated: no step, or steps of others only."""
        if patient.loop.stranger:
            return "elsewhere"
        return "no_step" if patient.loop.passes else ""

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Worse than simple learners; where no parameter is ever updated, nothing can have been learned."""
        return visit.harmed or sign.measured

    def stands_alone(self, visit: Consultation, sign: Sign) -> bool:
        """What was frozen on purpose is to blame only where thawing it was tried, and helped."""
        return not sign.details["meant"]

    def examine(self, visit: Consultation) -> Finding | Considered | None:
        """Frozen on purpose is information, unless thawing is what the run needs."""
        found = super().examine(visit)
        sign = self.sign(visit)
        if sign is None or isinstance(found, Finding):
            return found
        return self.finding(visit, Sign(sign.measures, sign.layer, 1, "info", details=sign.details), None, {})
