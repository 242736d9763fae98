"""Output and loss do not match.

What it is: the last activation is not the one the loss was made for: softmax on one unit, ReLU, sigmoid
    or softmax before a loss that applies its own, no softmax before a loss that needs probabilities,
    softmax for labels that do not exclude each other, mean squared or absolute error for classes; or numbers
    that are not what the loss takes: log-probabilities that are none, a softmax over the samples instead of
    the classes, outputs (N, 1) beside targets (N,), which broadcasting compares each with each;
    or a sigmoid (or its logarithm) of one number that sums over the whole batch.
Why it hurts: the gradient is that of another problem, or 0: a softmax of one unit is 1 whatever the
    weights are.
How it shows: the kinds of the last layer, the loss and the targets; and the run learns clearly better
    with the pair that belongs together, or as well at a clearly lower cross-entropy: then the answers are
    right, and their probabilities are not.
Confused with: a learning rate that is too low, dead units, a plateau. Those follow from it.
Sick recipe: 784-50-50-1 with softmax on the one unit and binary cross-entropy.
Healthy look-alike: mean squared error with sigmoid or tanh outputs that learned what there is to learn.
Remedies: bare outputs with softmax cross-entropy (one of several classes), with sigmoid cross-entropy
    (yes or no, each label by itself), with mean squared error (numbers).
References: Bridle 1990; Bishop 2006, sec. 5.2.
"""

from __future__ import annotations

from math import isfinite

import numpy as np

from koubai.doctor.diagnoses.diagnosis import CURED, DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.clinic import Change, Trial
from koubai.doctor.patient.layer_facts import OVER_SAMPLES
from koubai.doctor.patient.patient import Patient
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

BY_HAND = (
    "whole_batch",
    "ctc",
    "crossed",
    "subtracted",
    "over_samples",
    "not_log_probabilities",
)  # no recipe can have these, so none cures them
_NEVER_MEANT = (
    "whole_batch",
    "ctc",
    "crossed",
    "subtracted",
    "over_samples",
)  # whatever the run reached, it answers another question
_SUM_ERROR = 0.02  # of probabilities that add up to 1: some add a small constant before the logarithm
_LONGER = 8
_PROBABILITIES = ("softmax", "sigmoid")
_OUTSIDE = ("softmax", "sigmoid", "relu")  # between network and loss; a tanh may cap the outputs on purpose
_NOTHING = 0.01  # of a cross-entropy, in nats: what is saved below it is nothing


@DIAGNOSES.register
class OutputLossMismatch(Diagnosis):
    """The last activation, the loss and the targets do not belong together."""

    code = "K022"
    aliases = (
        "output layer",
        "loss",
        "loss function",
        "wrong loss",
        "output activation",
        "last layer activation",
        "output and loss do not match",
        "output and loss",
        "出力層",
        "損失関数",
        "出力層と損失の不一致",
    )
    depth = 0
    points_at = ("loss", "backward", "model")
    explains = (
        "not_learning",
        "learning_rate_too_low",
        "learning_rate_too_high",
        "too_few_steps",
        "dead_units",
        "under_fitting",
        "vanishing_gradient",
        "oscillation",
        "output_range",
        "not_finite",
        "saturated_units",
    )
    remedies = ("fix_output",)

    def sign(self, visit: Consultation) -> Sign | None:
        """A pair of last layer and loss (or targets) that is known not to belong together."""
        patient = visit.patient
        if patient.squashed is not None:
            function, count = patient.squashed
            details = {"fault": "whole_batch", "function": function, "count": count}
            return Sign((), None, 0, certain=True, by_hand=True, details=details)
        if patient.bare_ctc:
            return Sign((), None, 0, certain=True, by_hand=True, details={"fault": "ctc"})
        fault = mismatch(patient)
        if fault is None:
            return None
        layer = (
            patient.output_activations[-1].path if patient.output_activations else patient.weighted[-1].path
        )
        last = patient.last
        spread = float("nan")
        if last and last.outputs is not None:
            with np.errstate(over="ignore"):  # outputs of a loss without a bound
                spread = float(np.nanstd(last.outputs, axis=0, dtype=np.float64).max())
        kind = patient.output_activations[-1].kind if patient.output_activations else "none"
        before = patient.loss.before if patient.loss else ()
        if kind == "none" and before:
            kind = before[-1].removesuffix(OVER_SAMPLES)
        details = {"fault": fault, "activation": kind, "loss": patient.loss.name if patient.loss else ""}
        if patient.loss is not None and patient.loss.crossed is not None:
            details |= dict(
                zip(("output_shape", "target_shape"), map(str, patient.loss.crossed), strict=True)
            )
        certain = fault == "one_unit" or fault in BY_HAND
        return Sign(
            (Measure("output_spread", spread),),
            layer,
            0,
            certain=certain,
            note=fault == "twice" and "softmax" in (kind, *before),
            by_hand=fault in BY_HAND,
            details=details,
        )

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Worse than simple learners; a pair that is never meant: also worse than the right pair."""
        if visit.harmed or sign.details["fault"] in _NEVER_MEANT:
            return True
        if sign.details["fault"] in ("values_for_classes", "not_log_probabilities"):
            return False
        trial = visit.remedy("fix_output")
        return trial is not None and self.relief(visit, trial) >= CURED

    def relief(self, visit: Consultation, trial: Trial) -> float:
        """The skill that the right pair brought; or the share of the cross-entropy that it saved."""
        return max(super().relief(visit, trial), _saved(visit, trial))

    def treat(self, visit: Consultation, sign: Sign) -> list[tuple[str, Trial | None]]:
        """The right pair; if that does not help a run that did not break off, both pairs for longer."""
        if sign.details["fault"] in BY_HAND:
            return []
        trial = visit.remedy("fix_output")
        broke_off = not np.isfinite(visit.patient.losses).all()
        if trial is None or broke_off or self.relief(visit, trial) >= CURED:
            return [("fix_output", trial)]
        right = visit.trial(Change("remedy", path="fix_output"), _LONGER)
        wrong = visit.trial(Change("nothing"), _LONGER)
        if right is None or wrong is None or self.relief(visit, right) - self.relief(visit, wrong) < CURED:
            return [("fix_output", trial)]
        return [("fix_output", right)]


def _saved(visit: Consultation, trial: Trial) -> float:
    """Return which share of the held-out cross-entropy the right pair saves; 0 where skill is lost.

    Of a loss on probabilities or on logits the right pair's loss is the same quantity, in nats. Where
    nothing is held out, the losses of the last tenth of the batches are compared.
    """
    skilled = trial.train_skill > visit.skill - 3 * visit.noise
    if not trial.finite or not skilled or mismatch(visit.patient) not in ("twice", "not_probabilities"):
        return 0.0
    wrong, right = visit.patient.score(f"{visit.patient.held}_loss"), trial.held_loss
    if wrong is None or not isfinite(right):
        tails = (losses[-max(1, len(losses) // 10) :] for losses in (visit.patient.losses, trial.losses))
        wrong, right = (float(losses.mean()) for losses in tails)
    return 1 - right / wrong if wrong - right > _NOTHING else 0.0


def mismatch(patient: Patient) -> str | None:
    """Return what does not fit, by name, or None.

    | name                    | fault                                                                |
    |-------------------------|----------------------------------------------------------------------|
    | crossed                 | targets of another shape, compared with the outputs each with each   |
    | subtracted              | the same, in a loss written by hand                                  |
    | over_samples            | probabilities that add up to 1 over the samples, not over classes    |
    | not_log_probabilities   | numbers that are no logarithms of probabilities, to a loss on them   |
    | one_unit                | softmax over one unit                                                |
    | twice                   | an activation before a loss on logits                                |
    | not_probabilities       | no sigmoid or softmax before a loss on probabilities                 |
    | exclusive               | softmax for labels that do not exclude each other                    |
    | values_for_classes      | mean squared or absolute error for classes                           |
    """
    if not patient.weighted or patient.loss is None:
        return None
    ends = patient.output_activations
    gives = [layer.traits.gives for layer in ends]
    before_loss = patient.loss.before
    before = tuple(name for name in before_loss if name in _OUTSIDE or name.endswith(OVER_SAMPLES))
    over = any(name.endswith(OVER_SAMPLES) for name in before)
    over = over or any(layer.detail.get("over_samples") and len(layer.out_shape) == 1 for layer in ends)
    width = ends[-1].out_shape if gives else ()
    takes = patient.loss.takes
    faults = {
        "subtracted": patient.loss.crossed is not None and not patient.loss.name,
        "crossed": patient.loss.crossed is not None,
        "over_samples": over or (_adds_up_to_one(patient, axis=0) and not _adds_up_to_one(patient, axis=1)),
        "not_log_probabilities": takes == "log_probabilities"
        and not any(name.startswith("log") for name in before_loss)
        and _adds_up_to_one(patient, axis=1) is False,
        "one_unit": "shares" in gives and width == (1,),
        "twice": takes == "logits" and bool(gives or before),
        "not_probabilities": takes == "probabilities"
        and (not gives or gives[-1] == "values")
        and not any(name in _PROBABILITIES for name in before),
        "exclusive": "shares" in gives and _many_labels(patient),
        "values_for_classes": takes == "values" and patient.task == "classes",
    }
    if not patient.loss.of_outputs:  # but what another network made of them: no matter how this one ends
        faults = {name: faults[name] for name in ("subtracted", "crossed", "values_for_classes")}
    return next((name for name, there in faults.items() if there), None)


def _adds_up_to_one(patient: Patient, axis: int) -> bool | None:
    """Whether the outputs are probabilities along an axis (0: samples, 1: classes); None: not known.

    Asked of losses on probabilities or their logarithms, and of the earliest outputs that are finite.
    """
    looks = [look.outputs for look in patient.checkups if look.outputs is not None]
    y = next((y for y in looks if np.isfinite(y).all()), None)
    if y is None or min(y.shape) < 2 or not patient.takes.endswith("probabilities"):
        return None
    with np.errstate(over="ignore"):
        p = np.exp(np.float64(y)) if patient.takes.startswith("log") else np.float64(y)
    return bool(np.abs(p.sum(axis=axis) - 1).max() < _SUM_ERROR)


def _many_labels(patient: Patient) -> bool:
    """Whether targets are rows of zeros and ones with other sums than one."""
    t = patient.data.t
    if patient.data.classes is not None or t is None or t.ndim < 2 or t.shape[1] < 2:
        return False
    return bool(np.isin(t, (0.0, 1.0)).all() and (t.sum(axis=1) != 1).any())
