"""Signs by themselves: made-up curves and small networks where the right number is known."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from koubai.data.sources.multi_label import MultiLabel
from koubai.doctor.diagnoses.diagnosis import Sign
from koubai.doctor.diagnoses.label_noise import disagreement
from koubai.doctor.diagnoses.learning_rate_too_low import LearningRateTooLow
from koubai.doctor.diagnoses.not_learning import NotLearning
from koubai.doctor.diagnoses.oscillation import relapses
from koubai.doctor.diagnoses.output_loss_mismatch import mismatch
from koubai.doctor.patient.facts import data_facts
from koubai.doctor.patient.run_facts import DataFacts
from koubai.doctor.patient.signs import gradient_flow, initial, plateau, scale_ratios
from koubai.doctor.patient.skill import skill
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.reference import reach
from koubai.doctor.visit.session_patient import session_patient
from koubai.initializers.normal import HeNormal, Normal
from koubai.layers.activations import Sigmoid, Tanh
from koubai.layers.linear import Linear
from koubai.layers.rectifiers import ReLU
from koubai.layers.sequential import Sequential
from koubai.layers.softmax import Softmax
from koubai.losses.binary_cross_entropy import BinaryCrossEntropy
from koubai.losses.cross_entropy import CrossEntropy
from koubai.losses.mean_squared_error import MeanSquaredError
from koubai.losses.sigmoid_cross_entropy import SigmoidCrossEntropy
from koubai.models.mlp import Mlp
from koubai.optim.clipping import Clipping
from koubai.train.session import Session
from koubai.train.train import train
from support.patients import circles, digits, values

RANDOM = np.random.default_rng(0)


def patient(recipe, budget=0):
    return session_patient(Session(recipe), budget=budget)


@pytest.mark.parametrize(
    ("y", "t", "takes", "expected"),
    [
        ([[2.0, 1], [0, 3]], [0, 1], "logits", 1.0),
        ([[-0.2], [0.2]], [0, 1], "logits", 1.0),
        ([[-0.2], [0.2]], [0, 1], "probabilities", 0.5),
        ([[1.0], [3]], [[1.0], [3]], "values", 1.0),
        ([[2.0], [2]], [[1.0], [3]], "values", 0.0),
        ([[50.0], [-50]], [[1.0], [0]], "logits", 1.0),
        ([[np.nan], [1]], [0, 1], "logits", np.nan),
        ([[1.0], [1]], [[2.0], [2]], "values", np.nan),
    ],
)
def test_skill_is_the_share_of_right_answers_or_r_squared(y, t, takes, expected):
    assert skill(np.array(y), np.array(t), takes) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("curve", "count"),
    [
        (np.linspace(2, 0.1, 50), 0),
        (np.full(50, 2.3) + 0.01 * RANDOM.standard_normal(50), 0),
        (
            np.concatenate(
                [np.linspace(2, 0.5, 20), [1.8], np.linspace(1.7, 0.4, 15), [1.5], np.linspace(1, 0.3, 13)]
            ),
            2,
        ),
        (np.concatenate([np.linspace(2, 0.5, 25), np.full(25, 1.9)]), 1),
        (np.concatenate([np.full(25, 2.0), np.linspace(2, 0.1, 25)]), 0),
    ],
)
def test_relapses_are_counted_once_each(curve, count):
    assert relapses(curve)[0] == count


def test_a_plateau_is_the_time_until_the_loss_leaves_its_start():
    losses = np.concatenate([np.full(300, 2.3), np.linspace(2.3, 0.5, 700)])
    assert plateau(losses, 2.3).steps == pytest.approx(320, abs=20)
    assert plateau(np.linspace(2.3, 0.5, 1000), 2.3).share <= 0.04
    assert plateau(np.full(100, 2.3), None).share == 1.0
    assert plateau(np.full(5, np.nan), None).steps == 0


@pytest.mark.parametrize(
    ("activation", "initializer", "ratio"),
    [
        ("relu", HeNormal(), 1.0),
        ("tanh", HeNormal(), 2**0.5),
        ("relu", Normal(0.01), 0.01 * (300 / 2) ** 0.5),
    ],
)
def test_weight_scale_is_measured_against_what_the_activation_asks_for(activation, initializer, ratio):
    run = patient(digits(network=Mlp((300, 300), 10, activation), initializer=initializer))
    assert scale_ratios(run, run.last)["3"] == pytest.approx(ratio, rel=0.02)


def test_scale_does_not_matter_before_a_norm():
    run = patient(digits(network=Mlp((30, 30), 10, batch_norm=True)))
    assert scale_ratios(run, run.last) == {}


def test_gradients_shrink_by_a_quarter_and_the_weights_in_a_sigmoid_chain():
    network = Sequential(*(layer for _ in range(4) for layer in (Linear(200), Sigmoid())), Linear(1))
    run = patient(circles((), network=network, initializer=Normal(0.1)))
    flow = list(gradient_flow(run, run.last).values())
    for before, behind in pairwise(flow[:4]):
        assert before / behind == pytest.approx(0.25 * 0.1 * 200**0.5, rel=0.25)


def test_initial_weights_are_those_seen_early_only():
    run = train(digits(steps=100))
    assert initial(session_patient(run.session, budget=0)).step == 0
    late = session_patient(run.session, budget=0)
    late.checkups = late.checkups[-1:]
    assert initial(late) is None


@pytest.mark.parametrize(
    ("end", "loss", "fault"),
    [
        ((Linear(1), Softmax()), BinaryCrossEntropy(), "one_unit"),
        ((Linear(1), Sigmoid()), SigmoidCrossEntropy(), "twice"),
        ((Linear(1),), BinaryCrossEntropy(), "not_probabilities"),
        ((Linear(2), ReLU()), CrossEntropy(), "not_probabilities"),
        ((Linear(1), Tanh()), MeanSquaredError(), "values_for_classes"),
        ((Linear(1), Sigmoid()), BinaryCrossEntropy(), None),
        ((Linear(2), Softmax()), CrossEntropy(), None),
        ((Linear(1),), SigmoidCrossEntropy(), None),
    ],
)
def test_outputs_and_losses_that_do_not_belong_together(end, loss, fault):
    assert mismatch(patient(circles((), network=Sequential(Linear(4), ReLU(), *end), loss=loss))) == fault


def test_softmax_for_labels_that_do_not_exclude_each_other():
    network = Sequential(Linear(4), ReLU(), Linear(3), Softmax())
    assert mismatch(patient(values(data=MultiLabel(), network=network))) == "exclusive"


def test_simple_learners_reach_what_is_there_to_reach():
    x = RANDOM.standard_normal((400, 2))
    line, ring = (x[:, 0] > 0).astype(np.int64), ((x**2).sum(axis=1) < 1.4).astype(np.int64)
    noise = RANDOM.integers(0, 2, 400)

    def of(t):
        return reach(DataFacts(x=x, t=t, classes=2, class_counts=np.bincount(t)))

    assert of(line).linear > 0.97
    assert of(ring).linear < 0.7
    assert of(ring).best > 0.9
    assert of(noise).best < 0.6
    numbers = (2 * x[:, :1] + 0.1 * RANDOM.standard_normal((400, 1))).astype(np.float32)
    assert reach(DataFacts(x=x, t=numbers, target_low=numbers.min(axis=0))).best > 0.95


def test_few_samples_only_need_to_be_told_apart():
    xor = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    t = np.array([0, 1, 1, 0])
    assert reach(DataFacts(x=xor, t=t, classes=2, class_counts=np.bincount(t))).best == 1.0
    twice = np.array([0, 1, 1, 0, 0, 1, 1, 1])
    same = reach(DataFacts(x=np.tile(xor, (2, 1)), t=twice, classes=2, class_counts=np.bincount(twice)))
    assert same.best == pytest.approx(7 / 8)
    assert reach(DataFacts()) is None


def test_wrong_labels_stand_out_where_neighbors_agree_and_overlap_does_not():
    t = np.arange(900) % 3
    centers = np.array([[0.0, 0], [8, 0], [0, 8]])
    apart = centers[t] + RANDOM.standard_normal((900, 2))
    overlapping = 0.25 * centers[t] + RANDOM.standard_normal((900, 2))
    noisy = np.where(RANDOM.random(900) < 0.3, RANDOM.integers(0, 3, 900), t)
    assert disagreement(apart, t) < 0.01
    assert disagreement(overlapping, t) < 0.1
    assert disagreement(apart, noisy) == pytest.approx(0.2, abs=0.06)


def test_harm_needs_more_than_noise_and_a_run_on_its_way_is_not_harmed():
    run = train(digits())
    healthy = Consultation(session_patient(run.session, budget=0))
    assert not healthy.harmed
    assert not healthy.stuck
    session = Session(digits())
    session.advance(3)
    starting = Consultation(session_patient(session, budget=0))
    assert starting.shortfall > 0.2
    assert not starting.patient.finished
    assert not starting.harmed or not starting.progressing


def test_facts_are_measured_once_a_dataset():
    dataset = digits().data.load()
    assert data_facts(dataset) is data_facts(dataset)


def test_remedies_with_nothing_to_change_are_not_listed():
    no_hidden = patient(digits(network=Mlp((), 10)))
    unknown = replace(no_hidden, layers=())
    hidden = {"add_batch_norm", "use_selu"}
    for whose, missing in ((no_hidden, hidden), (unknown, set())):
        finding = NotLearning().finding(Consultation(whose), Sign((), None, 0), None, {})
        assert set(NotLearning.remedies) - set(finding.remedies) == missing
    tried = NotLearning().finding(Consultation(no_hidden), Sign((), None, 0), 0.0, {"use_selu": 0.0})
    assert "use_selu" in tried.remedies
    clipped = patient(digits(network=Mlp((), 10), clipping=Clipping(norm=1.0)))
    for whose in (no_hidden, clipped):
        finding = LearningRateTooLow().finding(Consultation(whose), Sign((), None, 0), None, {})
        assert ("stop_clipping" in finding.remedies) == (whose is clipped)
        assert "keep_learning_rate" not in finding.remedies
