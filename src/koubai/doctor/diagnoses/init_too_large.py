"""Initial weights too large.

What it is: the weights start on a scale far above the one at which a layer passes on the size of its
    input.
Why it hurts: outputs start out huge and sure of wrong answers, sigmoids start on their flat ends,
    gradients explode on their way back; the first hundreds of steps repair what chance did.
How it shows: std(W) / sqrt(g / fan_in) is above {layer:g} in a layer and above {loud:g} multiplied over
    the hidden layers; often the initial loss is more than twice that of a network that knows nothing.
    Sines between the layers: their arguments spread over more than half a turn behind the second layer or
    a later one. Where the weights tell nothing (shared with an embedding, scaled behind the last layer),
    the first loss does: above {sure:g} times that of all classes alike it is noted, and named where a
    trial with other initial weights learns. First answers that spread {sure:g} times as much as the targets
    do, in a network that looks up embeddings, where a trial with smaller ones learns.
Confused with: a learning rate that is too high (the loss starts well and jumps), inputs that are not
    normalized (the weights are right, the inputs are large).
Sick recipe: 784-30-10 with normal(0, 1).
Healthy look-alike: large weights in front of batch norm; a first layer of sines that turns far; a first loss
    above that of the classes' shares, where these are uneven.
Remedies: He, Xavier or LeCun; batch norm.
References: Glorot and Bengio 2010; Karpathy 2019, "A recipe for training neural networks" (loss at init);
    Sitzmann et al. 2020, "Implicit neural representations with periodic activation functions".
"""

from __future__ import annotations

from math import log, prod

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.patient.clinic import Change, Trial
from koubai.doctor.patient.patient import Patient
from koubai.doctor.patient.signs import initial, scale_ratios
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_LOUD = 10.0
_LAYER = 2.0
_LARGE = 10.0  # inputs beyond that may be why the first outputs are large
_SURE = 3.0  # times the loss of all classes alike, or the spread of the targets: sure, and wrong
_HALF_TURN = 3.14
_PERIODIC = ("sin", "cos")


@DIAGNOSES.register
class InitTooLarge(Diagnosis):
    """The product over depth of weight scale / suitable scale is far above 1."""

    code = "K008"
    aliases = (
        "large weights",
        "bad init scale",
        "weight initialization",
        "init scale",
        "大きすぎる初期値",
        "重みの初期値",
    )
    depth = 1
    experiment = "initialization"
    explains = (
        "saturated_units",
        "exploding_gradient",
        "not_finite",
        "dead_units",
        "not_learning",
        "vanishing_gradient",
        "oscillation",
        "learning_rate_too_low",
        "too_few_steps",
        "under_fitting",
    )
    remedies = ("suitable_init", "add_batch_norm")
    specific = ("suitable_init",)

    def sign(self, visit: Consultation) -> Sign | None:
        """A product of ratios above 10; or a sine between the layers that goes round and round."""
        if (found := _wound_up(visit.patient)) is not None:
            return found
        look = initial(visit.patient)
        ratios = scale_ratios(visit.patient, look) if look is not None else {}
        product = prod(ratios.values())
        if look is None or not ratios or product <= _LOUD or max(ratios.values()) <= _LAYER:
            return _first_loss(visit) or _first_values(visit.patient)
        path = next(path for path, ratio in ratios.items() if ratio > _LAYER)
        measures = [Measure("scale_product", product, _LOUD)]
        if visit.floor_loss:
            measures.append(Measure("initial_loss_ratio", look.loss / visit.floor_loss, 2.0))
        sure = visit.floor_known and float(visit.patient.losses[0]) > _SURE * (visit.floor_loss or 0.0)
        return Sign(tuple(measures), path, 0, note=sure, details={"ratio": max(ratios.values())})

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Worse than simple learners; wound up sines are never meant, and hurt between the samples."""
        return visit.harmed or sign.details.get("fault") == "wound_up"

    def treat(self, visit: Consultation, sign: Sign) -> list[tuple[str, Trial | None]]:
        """The scale that suits the activation; none that is known suits a sine with a factor inside."""
        if sign.details.get("fault") == "first_values":
            return [("smaller", visit.trial(Change("init_embeddings")))]
        return [] if sign.details.get("fault") == "wound_up" else super().treat(visit, sign)

    def stands_alone(self, visit: Consultation, sign: Sign) -> bool:
        """A first loss may be high for other reasons, such as inputs: without a trial it names little.

        Where it is far too high, and the run then learns nothing, signals grow from layer to layer.
        """
        fault = sign.details.get("fault")
        if fault == "first_loss":
            return visit.stuck and bool(sign.details["ratio"] > _LOUD)
        return fault != "first_values"


def _first_loss(visit: Consultation) -> Sign | None:
    """Return the sign of a first loss far above that of a network to which all classes are alike."""
    patient = visit.patient
    outputs = patient.first.outputs if patient.first is not None else None
    classes = patient.data.classes or (0 if outputs is None else outputs.shape[1])
    loss = patient.loss
    if not visit.floor_known or loss is None or loss.likelihood != "classes" or classes < 2:
        return None
    first, alike = float(patient.losses[0]), max(visit.floor_loss or 0.0, log(classes))
    if not first > _SURE * alike or max(abs(patient.data.low or 0), abs(patient.data.high or 0)) > _LARGE:
        return None
    details = {"fault": "first_loss", "loss": first, "alike": alike, "ratio": first / alike}
    return Sign((Measure("initial_loss_ratio", first / alike, _SURE),), None, 0, note=True, details=details)


def _first_values(patient: Patient) -> Sign | None:
    """Return the sign of first answers that spread far more than the targets: a trial tells if it counts."""
    first = patient.first
    if first is None or first.outputs is None or first.targets is None:
        return None
    y, t = first.outputs, first.targets
    if t.dtype.kind == "i" or y.size != t.size or not t.std() > 0 or not y.std() > _SURE * t.std():
        return None
    ratio = float(y.std() / t.std())
    measure = Measure("first_spread", ratio, _SURE)
    return Sign((measure,), None, 0, by_hand=True, details={"fault": "first_values", "ratio": ratio})


def _wound_up(patient: Patient) -> Sign | None:
    """Return the sign of a sine behind a second or later layer whose arguments spread over half a turn.

    Near samples then have answers that have nothing to do with each other, and so have their gradients. The
    first layer may turn far: that is how coordinates are told apart (Sitzmann et al. 2020, sec. 3.2).
    """
    if len(patient.weighted) < 2:
        return None
    second = patient.layers.index(patient.weighted[1])
    for layer in patient.layers[second:]:
        spread = float(layer.detail.get("spread", 0.0))
        if layer.detail.get("function") in _PERIODIC and spread > _HALF_TURN:
            details = {"fault": "wound_up", "spread": spread, "function": layer.detail["function"]}
            return Sign((Measure("argument_spread", spread, _HALF_TURN),), layer.path, 0, details=details)
    return None
