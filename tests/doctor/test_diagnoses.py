"""Every diagnosis on a sick recipe and on a healthy one that looks alike; one table drives all."""

import inspect
import sys

import numpy as np
import pytest

from koubai.doctor.consultation import Consultation
from koubai.doctor.diagnose import consult, diagnose
from koubai.doctor.diagnoses import DIAGNOSES
from koubai.doctor.diagnoses.diagnosis import known
from koubai.doctor.finding import Finding
from koubai.doctor.remedies import REMEDIES
from koubai.doctor.session_patient import session_patient
from koubai.train.train import train
from support.patients import HEALTHY, SICK, digits

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
