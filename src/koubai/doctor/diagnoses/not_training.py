"""Parameters that do not train.

What it is: parameters that never receive an update: not handed to the optimizer, frozen, cut off from the
    loss; of a precision so low that their updates are rounded away; or behind something whose slope is 0.
Why it hurts: a part of the network stays as it was drawn.
How it shows: parameters outside the optimizer; their update is exactly 0 while the others move. Layers in a
    plain list are in no `parameters()`. Every gradient there is is exactly 0, whenever it is looked at.
Confused with: layers frozen on purpose (information only), vanishing gradient (small, not 0).
Sick recipe: 784-100-10 whose hidden layer the optimizer does not know.
Healthy look-alike: fine-tuning, where all but the last layer is frozen.
Remedies: hand them to the optimizer.
References: Yosinski et al. 2014, for freezing on purpose.
"""

from __future__ import annotations

from koubai.core.few import few
from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.patient import Patient
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Considered, Finding, Measure

_NAMED = 6
_BY_HAND = ("vain", "unlisted", "cut", "left")  # nobody means it, but one of these may do no harm
_NEVER = 0.25  # of the weights that a low precision keeps where they are


@DIAGNOSES.register
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
        "output_range",
        "too_few_steps",
        "learning_rate_too_low",
        "init_too_large",
        "vanishing_gradient",
        "dead_units",
    )
    remedies = ("train_everything",)

    def sign(self, visit: Consultation) -> Sign | None:
        """Any parameter that is known not to train; of updates that a scaler skips, `steps_skipped` tells."""
        patient = visit.patient
        paths = tuple(dict.fromkeys((*patient.vain, *patient.unlisted, *patient.untrained)))
        if patient.loop.skipped > patient.step:
            return None
        if patient.loop.flat:
            return self._flat()
        if not (paths or patient.vain_steps):
            return self._rounded(patient)
        fault = self._fault(patient)
        if fault == "cut":
            paths = patient.silenced
        meant = (
            fault != "cut"
            and not patient.vain_steps
            and set(patient.untrained) <= set(patient.declared_frozen)
        )
        nothing = fault in ("elsewhere", "no_step")
        return Sign(
            (Measure("untrained_parameters", float(len(paths)), 0.5),),
            paths[0].rpartition(".")[0] if paths else None,
            1,
            "severe" if nothing else "",
            certain=not meant,
            measured=nothing,
            by_hand=nothing or fault in ("vain", "cut", "left"),
            points_at=("vain",) if fault == "vain" else ("silenced",) if fault == "cut" else (),
            details={
                "paths": few(paths, _NAMED),
                "meant": meant,
                "fault": fault,
                "passes": patient.loop.passes,
                "steps": patient.vain_steps,
            },
        )

    @staticmethod
    def _flat() -> Sign:
        """Return what speaks for a way to the loss that passes no gradient: so nothing can be learned."""
        details = {"fault": "flat", "meant": False}
        return Sign((), None, 1, "severe", certain=True, measured=True, by_hand=True, details=details)

    @staticmethod
    def _rounded(patient: Patient) -> Sign | None:
        """Return what speaks for updates that are rounded away."""
        if patient.rounded is None or patient.rounded[2] <= _NEVER:
            return None
        precision, left, never = patient.rounded
        return Sign(
            (Measure("never_moved", never, _NEVER),),
            None,
            1,
            certain=True,
            by_hand=True,
            details={
                "fault": "rounded",
                "precision": precision,
                "left": left,
                "never": never,
                "meant": False,
            },
        )

    @staticmethod
    def _fault(patient: Patient) -> str:
        """Return what kept parameters from being updated.

        | fault     | meaning                                                                   |
        |-----------|---------------------------------------------------------------------------|
        | elsewhere | steps of other parameters only                                            |
        | no_step   | no step at all                                                            |
        | vain      | steps of an optimizer whose parameters the loss does not reach            |
        | unlisted  | they belong to layers in a plain list                                     |
        | left      | they are tensors without a module, which the loss reaches                 |
        | cut       | their layers are used without gradients, though the optimizer holds them  |
        """
        if patient.loop.stranger and not patient.vain_steps:
            return "elsewhere"
        if patient.loop.passes:
            return "no_step"
        if patient.vain_steps or patient.unlisted:
            return "vain" if patient.vain_steps else "unlisted"
        return "cut" if patient.silenced else "left" if patient.left_out else ""

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Worse than simple learners; where no parameter is ever updated, nothing can have been learned.

        Weights that a precision keeps where they are may do well for all that. Nobody means an optimizer that
        steps in vain, nor layers in a list that gather gradients, nor ones that the optimizer holds and that
        are used without; these two are told as information only where the run is known to do well without.
        """
        fault = sign.details["fault"]
        if fault == "rounded":
            return not visit.well
        if fault == "flat":  # a loss of 0 has no slope either, and there all is learned
            return not visit.well and not visit.patient.nothing_lost
        meant = fault in _BY_HAND and fault != "vain" and visit.comparable
        return visit.harmed or sign.measured or (fault in _BY_HAND and not meant)

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
