"""Root before symptom: made-up findings, so that each rule shows by itself."""

import json

import numpy as np
import pytest

from koubai.doctor.answer.judge import judge
from koubai.doctor.diagnoses import DIAGNOSES
from koubai.doctor.visit.finding import Considered, Finding, Measure


def found(name, relief=None, *, certain=False, severity="severe", confidence=0.5):
    code = DIAGNOSES[name].code
    return Finding(code, name, severity, relief=relief, certain=certain, confidence=confidence)


def names(findings):
    return [finding.name for finding in judge(findings, [])]


def test_a_symptom_follows_from_its_root_and_is_said_there():
    (root,) = judge([found("vanishing_gradient", 0.9), found("init_too_small", 0.9)], [])
    assert root.name == "init_too_small"
    assert root.considered == (Considered("vanishing_gradient", "follows", 0.9),)


def test_a_root_whose_treatment_helps_much_less_does_not_explain_the_symptom():
    assert names([found("vanishing_gradient", 1.0), found("init_too_small", 0.35)]) == [
        "vanishing_gradient",
        "init_too_small",
    ]


def test_a_sign_that_proves_itself_outweighs_a_treatment_that_helps():
    assert names([found("under_fitting", 1.0), found("output_range", certain=True)]) == ["output_range"]


def test_chains_lead_to_the_first_root():
    chain = [
        found("not_learning"),
        found("vanishing_gradient", 0.8),
        found("symmetric_init", 1.0, certain=True),
    ]
    (root,) = judge(chain, [])
    assert root.name == "symmetric_init"
    assert {other.name for other in root.considered} == {"not_learning", "vanishing_gradient"}


def test_names_that_do_not_explain_each_other_are_both_said_the_better_first():
    both = judge([found("class_imbalance"), found("label_noise", certain=True)], [])
    assert [finding.name for finding in both] == ["label_noise", "class_imbalance"]
    assert both[0].considered[0].reason == "less_likely"


def test_of_two_that_prove_themselves_the_one_that_explains_more_comes_first():
    both = [found("labels_wrong", certain=True), found("loss_without_bound", certain=True)]
    assert names(both) == names(both[::-1]) == ["loss_without_bound"]


def test_notes_come_last_and_what_was_rejected_is_told():
    rejected = [Considered("dead_units", "no_harm")]
    note, alarm = found("not_training", severity="info"), found("over_fitting", confidence=0.6)
    findings = judge([note, alarm], rejected)
    assert [finding.name for finding in findings] == ["over_fitting", "not_training"]
    assert findings[0].considered == (Considered("dead_units", "no_harm"),)


def test_nothing_found_is_nothing_said():
    assert judge([], [Considered("dead_units", "no_harm")]) == []


@pytest.mark.parametrize(
    ("value", "threshold", "above", "sick"),
    [(2.0, 1.0, True, True), (0.5, 1.0, True, False), (0.5, 1.0, False, True), (0.5, None, True, False)],
)
def test_a_measure_knows_its_sick_side(value, threshold, above, sick):
    assert Measure("skill", value, threshold, above).sick is sick


def test_a_finding_is_standard_json_whatever_its_numbers():
    finding = Finding(
        "K001",
        "not_finite",
        "severe",
        measures=(Measure("skill", float("nan"), 0.5, above=False),),
        details={"ratio": float("inf")},
        series={"loss": (np.array([1, 2]), np.array([1.0, np.inf]))},
    )
    plain = json.loads(json.dumps(finding.to_dict(), allow_nan=False))
    assert plain["evidence"][0] == {"measure": "skill", "value": "nan", "threshold": 0.5, "sick": "below"}
    assert plain["series"]["loss"]["values"] == [1.0, "inf"]


def test_severities_are_ordered():
    warn = found("over_fitting", severity="warn")
    assert warn.at_least("info")
    assert warn.at_least("warn")
    assert not warn.at_least("severe")
