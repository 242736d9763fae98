"""Every diagnosis on a sick recipe and on a healthy one that looks alike; one table drives all."""

import inspect
import sys

import numpy as np
import pytest

from koubai.data.flaws import ConstantFeatures, Imbalance, MissingValues, RepeatedSamples, ShiftedLabels
from koubai.data.sources.arrays import Arrays
from koubai.data.sources.blobs import Blobs
from koubai.data.sources.digits import Digits
from koubai.data.sources.flawed import Flawed
from koubai.data.sources.moons import Moons
from koubai.data.sources.regression import Regression
from koubai.data.sources.waveforms import Waveforms
from koubai.data.sources.xor import Xor
from koubai.doctor.answer.tell import advice, sentence
from koubai.doctor.diagnose import consult, diagnose
from koubai.doctor.diagnoses import DIAGNOSES
from koubai.doctor.diagnoses.diagnosis import known
from koubai.doctor.diagnoses.label_noise import disagreement, neighbors_skill
from koubai.doctor.patient.facts import data_facts
from koubai.doctor.patient.patient import Patient
from koubai.doctor.patient.skill import skill
from koubai.doctor.remedies import REMEDIES
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Finding
from koubai.doctor.visit.reference import reach
from koubai.doctor.visit.session_patient import session_patient
from koubai.initializers.normal import HeNormal, Normal
from koubai.layers.global_average_pool import GlobalAveragePool
from koubai.layers.linear import Linear
from koubai.layers.rectifiers import ReLU
from koubai.layers.sequential import Sequential
from koubai.losses.binary_cross_entropy import BinaryCrossEntropy
from koubai.models.mlp import Mlp
from koubai.optim.adam import Adam
from koubai.optim.adamw import AdamW
from koubai.optim.clipping import Clipping
from koubai.optim.sgd import SGD
from koubai.penalties.p_norm import L2
from koubai.probes.history import History
from koubai.schedules.exponential_decay import ExponentialDecay
from koubai.train.train import train
from support.patients import HEALTHY, SICK, circles, digits, values

HEADINGS = (
    "What it is",
    "Why it hurts",
    "How it shows",
    "Confused with",
    "Sick recipe",
    "Healthy look-alike",
    "Remedies",
    "References",
)
# What the judge says first, where it is not the diagnosis the recipe was made for but its root.
ROOTS = {
    "not_finite": "data_not_normalized",
    "saturated_units": "init_too_large",
    "not_learning": "vanishing_gradient",
    "oscillation": "learning_rate_too_high",
}


def visit(recipe, budget=40):
    with np.errstate(all="ignore"):
        return Consultation(session_patient(train(recipe).session, budget=budget))


@pytest.mark.parametrize("name", sorted(SICK))
def test_a_sick_recipe_is_found_and_named(name):
    case = visit(SICK[name])
    with np.errstate(all="ignore"):
        own = known()[name].examine(case)
        findings = consult(case)
    assert isinstance(own, Finding)
    assert own.code == DIAGNOSES[name].code
    assert any(measure.sick for measure in own.measures)
    assert findings[0].name == ROOTS.get(name, name)
    assert findings[0].alarm


@pytest.mark.parametrize("name", sorted(HEALTHY))
def test_a_healthy_recipe_that_looks_alike_is_left_in_peace(name):
    case = visit(HEALTHY[name])
    assert not isinstance(known()[name].examine(case), Finding)
    assert [finding.name for finding in consult(case)] == []


PLAIN = {
    "a penalty that has won pulls no more": (circles((32,), penalties=(L2(2.0),)), "over_regularized"),
    "dropout that leaves nothing": (
        digits(network=Mlp((64, 64), 10, dropout=0.97), steps=200),
        "over_regularized",
    ),
    "weight decay beside the optimizer": (
        digits(optimizer=AdamW(0.003, weight_decay=100.0)),
        "over_regularized",
    ),
    "a schedule that ends learning": (
        digits(optimizer=SGD(0.1), schedule=ExponentialDecay(ratio=0.8)),
        "learning_rate_too_low",
    ),
    "a clip that holds every update back": (
        digits(optimizer=SGD(0.1), clipping=Clipping(norm=1e-4)),
        "learning_rate_too_low",
    ),
    "a waist of one unit": (digits(network=Mlp((48, 1, 48), 10, "tanh"), steps=500), "under_fitting"),
    "nothing but the mean of a picture": (
        digits(network=Sequential(GlobalAveragePool(), Linear(48), ReLU(), Linear(10))),
        "under_fitting",
    ),
    "-999 where a value is missing": (
        digits(
            network=Mlp((24,), 4),
            data=Flawed(
                Blobs(n=900, features=8, centers=4, cluster_std=4.0),
                [MissingValues(0.03, filled_with=-999.0)],
            ),
        ),
        "data_not_normalized",
    ),
    "rare classes known by heart": (
        digits(data=Flawed(Digits(), [Imbalance(60, rare=(7, 8, 9))]), network=Mlp((48, 48), 10), steps=600),
        "class_imbalance",
    ),
    "copies of thirty pictures": (
        digits(data=Flawed(Digits(), [RepeatedSamples(30)]), network=Mlp((128, 128), 10)),
        "over_fitting",
    ),
    "nine of ten pixels always 0": (
        digits(data=Flawed(Digits(), [ConstantFeatures(0.9)])),
        "data_squashed",
    ),
    "every label is its neighbor's": (digits(data=Flawed(Digits(), [ShiftedLabels()])), "labels_wrong"),
    "targets too small to see": (
        values(data=Regression(inputs=3, size=1e-4), optimizer=Adam(0.001)),
        "targets_not_scaled",
    ),
    "targets that overflow": (
        values(data=Regression(curve="sine", size=3e3), optimizer=SGD(0.1), network=Mlp((16,), 1, "relu")),
        "targets_not_scaled",
    ),
    "a rate that suits no targets": (
        values(data=Regression(size=20), network=Mlp((16,), 1), optimizer=SGD(5.0)),
        "learning_rate_too_high",
    ),
    "no hidden layer": (
        circles((), data=Xor(n=400, noise=0.15), optimizer=Adam(0.02), steps=800),
        "under_fitting",
    ),
    "too short for a slope": (circles((32,), steps=8), "too_few_steps"),
    "large weights move by little of their size": (
        circles(
            (32, 32, 32),
            "tanh",
            data=Moons(noise=0.15),
            initializer=Normal(20.0),
            optimizer=SGD(0.01),
            seed=2,  # with seed 1 better initial weights help by chance little
            steps=1000,
        ),
        "init_too_large",
    ),
    "right answers with wrong probabilities": (
        circles(
            (),
            network=Sequential(Linear(16), ReLU(), Linear(1), ReLU()),
            data=Moons(noise=0.15),
            loss=BinaryCrossEntropy(),
            initializer=HeNormal(),
            steps=1000,
        ),
        "output_loss_mismatch",
    ),
}


@pytest.mark.parametrize("why", PLAIN)
def test_what_hides_its_cause_is_named(why):
    recipe, name = PLAIN[why]
    with np.errstate(all="ignore"):
        findings = diagnose(train(recipe), budget=40)
    assert findings[0].name == name


@pytest.mark.parametrize("label", [0, 3])
def test_labels_of_one_class_are_named_although_the_accuracy_is_perfect(label):
    x = np.random.default_rng(0).normal(size=(300, 6))
    run = train(
        digits(data=Arrays.of(x, np.full(300, label)), network=Mlp((8,), 10), optimizer=Adam(0.02), steps=60)
    )
    first = diagnose(run, budget=10)[0]
    assert run.scores["train"].accuracy == 1.0
    assert (first.name, first.severity, first.remedies) == ("labels_wrong", "severe", ())
    assert f"are class {label}" in sentence(first)
    assert "every class" in advice(first)


def test_a_few_equal_labels_may_be_a_trial_and_two_classes_are_none():
    x = np.random.default_rng(0).normal(size=(300, 6))
    two = np.where(np.arange(300) < 150, 0, 1)
    for data in (Arrays.of(x[:12], np.zeros(12, int)), Arrays.of(x + 4 * two[:, None], two)):
        case = visit(digits(data=data, network=Mlp((8,), 2), steps=60), budget=10)
        assert not isinstance(known()["labels_wrong"].examine(case), Finding)


@pytest.mark.parametrize(("steps", "name"), [(400, "learning_rate_too_low"), (0, "")])
def test_worse_than_always_naming_the_most_frequent_class_is_harm(steps, name):
    t = (np.arange(3000) % 43 == 0).astype(np.int64)
    x = np.random.default_rng(0).normal(size=(3000, 6)) + 3.0 * t[:, None]
    slow = digits(data=Arrays.of(x, t), network=Mlp((8,), 2, "tanh"), optimizer=SGD(1e-5), seed=3, steps=400)
    case = visit(slow if steps else slow.edit(optimizer=Adam(0.01)), budget=30)
    assert case.below_chance == case.harmed == bool(name)
    found = [finding.name for finding in consult(case)]
    assert found[:1] == ([name] if name else [])


def test_without_a_cause_it_says_what_naming_the_most_frequent_class_would_reach():
    t = (np.arange(3000) % 43 == 0).astype(np.int64)
    x = np.random.default_rng(0).normal(size=(3000, 6))  # and nothing in it tells the classes apart
    case = visit(
        digits(data=Arrays.of(x, t), network=Mlp((8,), 2, "tanh"), optimizer=SGD(1e-4), seed=3, steps=40), 0
    )
    found = known()["not_learning"].examine(case)
    assert isinstance(found, Finding)
    assert "97.7%" in sentence(found)


def test_the_guides_recipe_is_a_vanishing_gradient_and_no_rate_is_blamed_that_was_tried_higher():
    case = visit(
        digits(network=Mlp((40,) * 5, 10, "sigmoid"), optimizer=SGD(0.01), batch_size=100, steps=1000)
    )
    first = consult(case)[0]
    assert first.name == "vanishing_gradient"
    assert 0.001 < first.measures[0].value < 0.01  # too mild to be believed without a trial
    assert first.relief > 0.9
    assert "learning_rate_too_low" not in [other.name for other in consult(case)[1:]]
    assert known()["vanishing_gradient"].examine(visit(case.patient.clinic._session.recipe, 0)) is None


def test_adam_speaks_for_a_low_rate_only_where_a_hundredfold_would_not_move_the_weights():
    crawling = visit(digits(optimizer=SGD(1e-7)), budget=30)
    found = known()["learning_rate_too_low"].examine(crawling)
    assert found.details["fault"] == "adam"
    assert "Adam" in sentence(found)
    assert "use_adam" in found.reliefs
    quicker = known()["learning_rate_too_low"].examine(visit(SICK["learning_rate_too_low"], budget=30))
    assert "fault" not in quicker.details


def test_a_table_of_raw_numbers_needs_both_sides_standardized():
    case = visit(values(data=Regression(low=0, high=1000, offset=2e5, size=8e4)))
    with np.errstate(all="ignore"):
        first = consult(case)[0]
    assert (first.name, first.remedies[0]) == ("targets_not_scaled", "standardize_inputs_and_targets")
    assert sentence(first).endswith("the targets alone are not enough.")
    assert "inputs and targets" in advice(first)


def test_without_trials_only_targets_far_beyond_the_limits_are_blamed():
    diverging = {"optimizer": SGD(5.0), "network": Mlp((16,), 1)}
    few, many = (visit(values(data=Regression(size=size), **diverging), budget=0) for size in (20, 2e4))
    targets = known()["targets_not_scaled"]
    assert few.harmed
    assert many.harmed
    assert targets.examine(few) is None
    assert isinstance(targets.examine(many), Finding)


def test_a_trial_on_scaled_targets_is_judged_in_the_units_of_the_run():
    t = np.random.default_rng(0).normal(size=(200, 2)) * [1.0, 1e4]
    source = Arrays.of(np.random.default_rng(1).normal(size=(200, 3)), t)
    recipe = values(data=source, network=Mlp((16,), 2, "tanh"), steps=50)
    case = visit(recipe)
    trial = case.remedy("standardize_targets")
    treated = train(recipe.edit(data__target_scale="standard"))
    stored = case.patient.clinic._session.dataset
    y = treated.predict(stored.x_test)  # in the units of the source
    assert trial.held_skill == pytest.approx(skill(y, stored.t_test), rel=1e-3)
    assert trial.held_loss == pytest.approx(recipe.loss.value(y, stored.t_test), rel=1e-3)


def test_neighbors_that_know_less_than_the_network_prove_no_label_wrong():
    clean = data_facts(Waveforms(n=600).load())
    assert disagreement(clean.x, clean.t) > 0.3  # nearness says nothing about waves of any phase
    assert neighbors_skill(clean) < 0.5
    clean, noisy = (data_facts(Digits(label_noise=share).load()) for share in (0.0, 0.4))
    assert disagreement(clean.x, clean.t) < 0.05
    assert 0.3 < disagreement(noisy.x, noisy.t) < 0.5
    assert neighbors_skill(noisy) > 0.9


SOUND = {
    "rare classes that are known": digits(data=Flawed(Digits(), [Imbalance(3)]), steps=600),
    "a third of the pixels always 0": digits(data=Flawed(Digits(), [ConstantFeatures(0.3)]), steps=600),
    "every picture twice": digits(data=Flawed(Digits(), [RepeatedSamples(600)]), steps=600),
    "a value in twenty missing": digits(
        data=Flawed(Digits(), [MissingValues(0.05, filled_with=0.0)]), steps=600
    ),
}


@pytest.mark.parametrize("why", SOUND)
def test_a_flaw_that_does_no_harm_is_no_finding(why):
    assert diagnose(train(SOUND[why]), budget=20) == []


def test_data_that_differ_only_in_the_order_of_their_labels_are_not_taken_for_each_other():
    sound = data_facts(Digits().load())
    shifted = data_facts(Flawed(Digits(), [ShiftedLabels()]).load())
    assert reach(sound).best > 0.9
    assert reach(shifted).best < 0.2


def made_patient(losses, skills=(1.0, 0.7)):
    """A finished run of two classes whose held-out loss went so, with these skills at the end."""
    history = History()
    for i, loss in enumerate(losses):
        history.add(10 * i, "", "test_loss", loss)
        history.add(10 * i, "", "train_loss", 1 / (1 + i))
        for part, reached in zip(("train", "test"), skills, strict=True):
            history.add(10 * i, "", f"{part}_accuracy", reached)
    return Patient((), history, step=10 * (len(losses) - 1))


def test_one_bad_evaluation_is_no_rise():
    rising = [2.0, 1.0, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3]
    spike = [2.0, 1.0, 0.8, 0.78, 0.8, 0.78, 1.3, 0.8]
    late = [2.0, 1.0, 0.78, 0.8, 0.78, 0.8, 0.79, 1.3]
    over_fitting = known()["over_fitting"]
    assert over_fitting.sign(Consultation(made_patient(rising))) is not None
    for curve in (spike, late):
        assert over_fitting.sign(Consultation(made_patient(curve))) is None


def test_frozen_on_purpose_is_information_only():
    run = train(digits(frozen=("1.bias",)))
    (finding,) = diagnose(run)
    assert (finding.name, finding.severity, finding.alarm) == ("not_training", "info", False)


def test_frozen_by_mistake_is_an_alarm():
    run = train(digits(frozen=("1", "3"), steps=100))
    findings = diagnose(run)
    assert findings[0].name == "not_training"
    assert findings[0].alarm
    assert findings[0].remedies == ("train_everything",)


def test_codes_and_names_are_unique_and_stable():
    codes = [diagnosis.code for diagnosis in known().values()]
    assert len(set(codes)) == len(codes)
    assert all(code[0] == "K" and code[1:].isdigit() and len(code) == 4 for code in codes)


@pytest.mark.parametrize("name", sorted(DIAGNOSES))
def test_a_diagnosis_file_has_all_headings_and_names_only_what_exists(name):
    text = sys.modules[DIAGNOSES[name].__module__].__doc__
    positions = [text.index(f"\n{heading}: ") for heading in HEADINGS]
    assert positions == sorted(positions)
    diagnosis = known()[name]
    assert set(diagnosis.explains) <= set(DIAGNOSES) - {name}
    assert set(diagnosis.remedies) <= set(REMEDIES)
    assert set(diagnosis.specific or ()) <= set(diagnosis.remedies)
    assert inspect.getdoc(DIAGNOSES[name])


def test_without_a_budget_nothing_is_trained():
    run = train(SICK["vanishing_gradient"])
    patient = session_patient(run.session, budget=0)
    assert patient.clinic is None
    assert diagnose(patient)[0].trials == ()


def test_a_run_in_progress_that_learns_is_silent_at_every_look():
    recipe = HEALTHY["vanishing_gradient"]
    session = train(recipe.edit(steps=0)).session
    for _ in range(5):
        session.recipe = recipe
        session.advance(recipe.steps // 5)
        assert diagnose(session, budget=0) == []
