"""The benchmark: cases read with every mistake at once, rows labeled by outcome, shares that add up."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from koubai.core.errors import ConfigError
from koubai.doctor.visit.session_patient import session_patient
from koubai.train.train import train
from koubai_benchmarks.doctor.baselines import autotrainer, debugger
from koubai_benchmarks.doctor.case import own_cases, parse_cases
from koubai_benchmarks.doctor.overhead import LOADS, Overhead, overhead
from koubai_benchmarks.doctor.prove import proofs, remedies_proven
from koubai_benchmarks.doctor.run import CaseRow, Examined, is_worse, run_cases
from koubai_benchmarks.doctor.score import confusion, report, score
from support.cases import OUTPUT_LAYER

CASES = (
    OUTPUT_LAYER
    + """
[[case]]
id = "well"
seeds = 1
[case.recipe]
data = { type = "circles", factor = 0.5 }
loss = "sigmoid_cross_entropy"
optimizer = { type = "adam", learning_rate = 0.01 }
steps = 200
network = { type = "mlp", hidden = [16], classes = 1 }
"""
)


@pytest.fixture(scope="module")
def rows():
    with np.errstate(all="ignore"):
        return list(run_cases(parse_cases(CASES, "test.toml")))


@pytest.mark.long
def test_each_sick_seed_gives_a_row_and_a_healthy_twin(rows):
    assert [(row.case, row.seed, row.label) for row in rows] == [
        ("sick", 0, "faulty"),
        ("sick fixed", 0, "healthy"),
        ("sick", 1, "faulty"),
        ("sick fixed", 1, "healthy"),
        ("well", 0, "healthy"),
    ]


@pytest.mark.long
def test_names_layers_and_silence_are_scored(rows):
    cases = parse_cases(CASES, "test.toml")
    scores = score(rows, cases)
    assert scores.healthy_alarm_rate.to_dict() == pytest.approx(
        {"value": 0.0, "low": 0.0, "high": 1 - 0.025 ** (1 / 3), "n": 3}
    )
    for share in (scores.detection, scores.top1, scores.top2, scores.layer_within_one):
        assert (share.hits, share.n) == (2, 2)
    assert confusion(rows) == {"sick": {"output_loss_mismatch": 2}}
    json.dumps(report(rows, cases), allow_nan=False)


@pytest.mark.long
def test_a_finding_of_another_name_counts_as_detected_only(rows):
    cases = parse_cases(CASES, "test.toml")
    wrong = [
        CaseRow(**{**row.__dict__, "names": ("over_fitting",)}) if row.case == "sick" else row for row in rows
    ]
    scores = score(wrong, cases)
    assert (scores.detection.hits, scores.top1.hits, scores.top2.hits) == (2, 0, 0)


@pytest.mark.long
def test_first_remedies_are_put_to_the_proof(rows):
    cases = parse_cases(CASES, "test.toml")
    found = proofs(cases, rows, seeds=6)
    assert list(found) == ["sick"]
    assert found["sick"].remedy == "fix_output"
    share = remedies_proven(found)
    assert (share.hits, share.n) == (1, 1)


def test_all_mistakes_of_a_case_file_are_told_at_once():
    text = '[[case]]\nid = "a"\naccept = ["gremlins"]\ncolour = "red"\n'
    with pytest.raises(ConfigError) as error:
        parse_cases(text, "bad.toml")
    said = str(error.value)
    for part in ("'recipe' is missing", "colour", "fixed twin", "gremlins", "4 problems"):
        assert part in said
    with pytest.raises(ConfigError, match=r"no \[\[case\]\]"):
        parse_cases("", "empty.toml")


def test_the_development_cases_are_as_many_as_they_should_be():
    cases = own_cases()
    assert len({case.id for case in cases}) == len(cases)
    assert all(case.fixed is not None for case in cases if not case.healthy)
    healthy = sum(len(case.seeds) for case in cases)
    assert healthy >= 150


def test_losses_in_other_units_make_no_run_worse():
    sick = Examined(SimpleNamespace(loss="mse"), 0.97, 6e7, 0.01, (), None, 0.0)
    twin = replace(sick, held_loss=0.03)
    assert is_worse(sick, twin)
    assert not is_worse(sick, replace(twin, target_scale="standard"))
    assert is_worse(replace(sick, skill=0.5), replace(twin, target_scale="standard"))


def test_published_rules_are_judged_on_the_same_patient():
    (sick, _) = parse_cases(CASES, "test.toml")
    with np.errstate(all="ignore"):
        patient = session_patient(train(sick.recipe).session, budget=0)
    assert autotrainer(patient) == ["dead_units"]
    assert "vanishing_gradient" in debugger(patient)


def test_a_load_is_timed_with_and_without_the_doctor_and_learns():
    load = replace(LOADS["mlp"], samples=500, updates=200, rounds=3)
    found = overhead(load)
    assert len(found.shares) == 3
    assert all(-1 < share < 100 for share in found.shares)
    losses = train(load.recipe().edit(steps=100)).history.series("loss")[1]
    assert losses[-1] < 0.9 * losses[0]  # so the monitor takes it for a run on its way


def test_overhead_is_a_median_with_its_inner_range():
    assert Overhead((0.03, 0.01, 0.02, 0.2, -0.1)).to_dict() == {
        "value": 0.02,
        "low": 0.01,
        "high": 0.03,
        "n": 5,
    }
