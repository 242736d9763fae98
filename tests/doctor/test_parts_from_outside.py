"""Parts that koubai has never heard of: doctor, lab and report ask what they are, not their names."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

import koubai as kb
from koubai.cli.main import main
from koubai.core.layer import LAYERS, Layer
from koubai.core.random import generator
from koubai.doctor.answer.tell import explain, tell
from koubai.doctor.diagnose import diagnose
from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.diagnoses.output_loss_mismatch import mismatch
from koubai.doctor.patient.examine import examine
from koubai.doctor.remedies.suitable_init import suitable_initializer
from koubai.doctor.remedies.trees import hidden_activations
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.session_patient import session_patient
from koubai.initializers.normal import HeNormal
from koubai.lab import Arm, Experiment, run
from koubai.layers.activations import Activation
from koubai.losses.loss import LOSSES, Loss
from koubai.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from koubai.network.network import Network
from koubai.optim.optimizer import OPTIMIZERS, Optimizer
from koubai.report import write_html
from koubai.train import Recipe, train
from koubai.words import add, entries, say

WORDS = "\n".join(
    f'[left_handed.{part}]\nen = "{part} of a left hand"\nja = "左手の{part}"'
    for part in ("title", "says", "meaning", "why", "sign", "do")
)


@dataclass(frozen=True)
class FlooredCrossEntropy(Loss):
    """Cross-entropy on logits, never below .001."""

    takes = "logits"
    likelihood = "classes"

    def value(self, y, t):
        return max(0.001, SoftmaxCrossEntropy().value(y, t))

    def gradient(self, y, t):
        return SoftmaxCrossEntropy().gradient(y, t)


@dataclass(frozen=True)
class WarmNorm(Layer):
    """Ends in norm, and normalizes nothing: y = x."""

    affine = True

    def forward(self, cell, x):
        return x

    def backward(self, cell, dy):
        return dy


@dataclass(frozen=True)
class Shaker(Layer):
    """Adds noise of size 100 in training: like dropout, off at test time."""

    affine = True
    random = True

    def forward(self, cell, x):
        noise = generator(cell.step, "shaker").standard_normal(x.shape)
        return x + 100 * noise.astype(x.dtype) if cell.training else x

    def backward(self, cell, dy):
        return dy


@dataclass(frozen=True)
class Folded(Activation):
    """f(u) = |u|."""

    range = (0.0, float("inf"))
    max_derivative = 1.0
    wants = "he_normal"

    def value(self, u):
        return np.abs(u)

    def derivative(self, u, y):
        return np.sign(u)


@dataclass(frozen=True)
class SignDescent(Optimizer):
    """w <- w - alpha sign(dw)."""

    adaptive = True

    def update(self, w, dw, slots, alpha, t):
        w -= alpha * np.sign(dw)


@dataclass(frozen=True)
class LeftHanded(Diagnosis):
    """Whoever trains by signs."""

    code = "X001"
    aliases = ("sinister",)

    def sign(self, visit):
        return Sign(certain=True) if visit.patient.optimizer.name == "sign_descent" else None

    def harm(self, visit, sign):
        return True


@pytest.fixture(autouse=True)
def outside() -> Iterator[None]:
    """Register the parts, and take them out again: other tests ask the registries for all there is."""
    parts = (
        (LOSSES, FlooredCrossEntropy),
        (LAYERS, WarmNorm),
        (LAYERS, Shaker),
        (LAYERS, Folded),
        (OPTIMIZERS, SignDescent),
        (DIAGNOSES, LeftHanded),
    )
    for registry, cls in parts:
        registry.register(cls)
    add("diagnoses", WORDS)
    yield
    for registry, cls in parts:
        del registry._classes[cls.registry_name]
    for name in [name for name in entries("diagnoses") if name.startswith("left_handed.")]:
        del entries("diagnoses")[name]


def recipe(*layers: Layer, **settings) -> Recipe:
    return Recipe(kb.Sequential(*layers), kb.data.Digits(), **{"steps": 60, **settings})


def patient(recipe: Recipe):
    return session_patient(train(recipe).session, budget=0)


def test_a_loss_on_logits_is_no_mismatch_and_knows_what_knowing_nothing_costs():
    right = patient(recipe(kb.Flatten(), kb.Linear(10), loss=FlooredCrossEntropy()))
    assert (right.takes, right.loss.likelihood) == ("logits", "classes")
    assert Consultation(right).floor_loss == pytest.approx(right.prior_entropy)
    assert mismatch(right) is None
    twice = patient(recipe(kb.Flatten(), kb.Linear(10), kb.Softmax(), loss=FlooredCrossEntropy()))
    assert mismatch(twice) == "twice"


def test_what_ends_in_norm_need_not_normalize():
    made = recipe(kb.Flatten(), kb.Linear(20), WarmNorm(), Folded(), kb.Linear(10))
    kinds = {layer.kind: layer.traits for layer in patient(made).layers}
    assert not kinds["warm_norm"].normalizes
    assert not kinds["warm_norm"].random


def test_noise_is_off_in_a_checkup():
    network = Network(kb.Sequential(kb.Flatten(), Shaker(), kb.Linear(3)), (4,), HeNormal())
    x = np.ones((5, 4))
    weights = network.initialize(0, np.float64)
    look = examine(network, weights, SoftmaxCrossEntropy(), x, np.zeros(5, np.int64))
    assert look.loss < 10
    assert np.ptp(look.outputs, axis=0).max() == 0, "alike samples have alike outputs without the noise"


def test_an_activation_is_counted_and_gets_the_weights_it_wants():
    made = recipe(kb.Flatten(), kb.Linear(20), Folded(), kb.Linear(10))
    assert hidden_activations(made.network) == [Folded()]
    assert suitable_initializer(made.network) == HeNormal()
    assert [layer.kind for layer in patient(made).hidden_activations] == ["folded"]


def test_an_optimizer_says_that_it_is_adaptive():
    seen = patient(recipe(kb.Flatten(), kb.Linear(10), optimizer=SignDescent(0.001)))
    assert seen.optimizer.adaptive
    assert not patient(recipe(kb.Flatten(), kb.Linear(10), optimizer=kb.SGD(0.1))).optimizer.adaptive


def test_a_diagnosis_needs_a_class_and_words():
    findings = diagnose(patient(recipe(kb.Flatten(), kb.Linear(10), optimizer=SignDescent(0.001))))
    assert "X001" in [finding.code for finding in findings]
    for lang, words in (("en", "says of a left hand"), ("ja", "左手のsays")):
        assert words in tell(findings, lang)
    assert "meaning of a left hand" in explain("left_handed", lang="en")


def test_the_lab_and_its_report_take_them(tmp_path):
    base = recipe(kb.Flatten(), kb.Linear(12), WarmNorm(), Folded(), kb.Linear(10))
    arms = (Arm("sgd"), Arm("signs", {"optimizer": SignDescent(0.002), "loss": FlooredCrossEntropy()}))
    result = run(Experiment("outside", base, arms, seeds=(0, 1)), threads=1)
    assert all(np.isfinite(result.summary(arm).mean) for arm in result.arms)
    page = write_html(result, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "signs" in page
    assert "Folded" in page


def test_the_list_of_parts_has_them(capsys):
    assert main(["parts", "layer", "--plain"]) == 0
    shown = capsys.readouterr().out
    assert "warm_norm" in shown
    assert "Ends in norm, and normalizes nothing" in shown


def test_words_from_outside_never_change_those_that_are_there():
    with pytest.raises(ValueError, match=r"has an entry 'not_finite.title' already"):
        add("diagnoses", '[not_finite.title]\nen = "Something else"\nja = "別のもの"')
    with pytest.raises(ValueError, match=r"left_handed.more: no text in ja"):
        add("diagnoses", '[left_handed.less]\nen = "a"\nja = "b"\n[left_handed.more]\nen = "only English"')
    assert "left_handed.less" not in entries("diagnoses"), "all or nothing"
    assert say("diagnoses.not_finite.title", "en") == "NaN or infinity"
