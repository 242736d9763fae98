"""What the doctor says: complete in both languages, for every diagnosis, measure and remedy."""

import json
import re
import sys
from pathlib import Path

import pytest

import koubai.doctor
from koubai.doctor.answer.markup import findings_html
from koubai.doctor.answer.names import resolve
from koubai.doctor.answer.sarif import sarif
from koubai.doctor.answer.tell import Findings, explain, sentence, tell, verdict_facts
from koubai.doctor.answer.verdict import Verdict
from koubai.doctor.diagnose import diagnose
from koubai.doctor.diagnoses import DIAGNOSES, dead_units
from koubai.doctor.diagnoses.diagnosis import known
from koubai.doctor.remedies import REMEDIES
from koubai.report.layers import Layers
from koubai.report.sections.findings import findings_section
from koubai.train.train import train
from koubai.words import LANGUAGES, entries, say, speaking
from support.cited import said_numbers
from support.patients import SICK, circles


@pytest.fixture(scope="module")
def findings():
    return diagnose(train(SICK["vanishing_gradient"]))


@pytest.mark.parametrize("name", sorted(DIAGNOSES))
@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_diagnosis_can_be_explained(name, lang):
    text = explain(name, lang)
    assert DIAGNOSES[name].code in text
    for entry in ("title", "meaning", "why", "sign", "do"):
        assert known()[name].words(entry, lang) in text


ANOTHER_THING = {  # numbers that only look like a threshold
    "data_squashed": {0.3},  # the deviation of usual pixels
    "labels_wrong": {3.0},  # simple learners, classes
    "learning_rate_too_low": {10.0, 100.0},  # times the rate, which the remedies take
    "too_few_steps": {3.0},  # a third of the run, in Japanese
}


def told_of_thresholds(name):
    """The texts that tell how a diagnosis is recognized, as they are written."""
    doc = sys.modules[type(known()[name]).__module__].__doc__
    shows = re.search(r"(?ms)^How it shows: (.*?)^[A-Z]", doc)[1]
    return [*entries("diagnoses")[f"{name}.sign"].values(), shows]


@pytest.mark.parametrize("name", sorted(DIAGNOSES))
def test_a_threshold_stands_in_its_file_and_is_copied_nowhere(name):
    limits = {limit for limit in known()[name].limits.values() if limit not in (0, 1, 2)}
    copies = limits | {100 * limit for limit in limits} | {1 / limit for limit in limits}
    for text in told_of_thresholds(name):
        numbers = said_numbers(text) - ANOTHER_THING.get(name, set())
        assert not numbers & {float(f"{copy:.6g}") for copy in copies}
        assert text.format(**known()[name].limits)


def test_whoever_changes_a_threshold_changes_what_is_told(monkeypatch):
    monkeypatch.setattr(dead_units, "_SEVERE", 0.75)
    for lang in LANGUAGES:
        assert "75%" in explain("dead_units", lang)


def test_every_measure_and_every_remedy_has_words():
    folder = Path(koubai.doctor.__file__).parent
    used = {
        measure
        for file in folder.rglob("*.py")
        for measure in re.findall(r'Measure\(\s*"(\w+)"', file.read_text(encoding="utf-8"))
    }
    spoken = {name.removeprefix("measure.") for name in entries("doctor") if name.startswith("measure.")}
    assert used == spoken
    assert {name.split(".")[0] for name in entries("remedies")} == set(REMEDIES)
    assert {name.split(".")[0] for name in entries("diagnoses")} == set(DIAGNOSES)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_finding_says_what_where_since_when_why_and_what_to_do(findings, lang):
    text = tell(findings, lang)
    for part in ("K003", say("diagnoses.vanishing_gradient.title", lang), "0.001", findings[0].layer):
        assert part in text
    assert say("diagnoses.vanishing_gradient.do", lang) in text
    assert "{" not in text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_cause_that_nothing_confirms_is_told_as_suspected(findings, lang):
    (confirmed,) = findings
    (guess,) = diagnose(train(SICK["vanishing_gradient"]), budget=0)
    assert [(f.name, f.suspected, f.confidence) for f in (confirmed, guess)] == [
        ("vanishing_gradient", False, 0.95),
        ("vanishing_gradient", True, 0.25),
    ]
    title = say("doctor.suspected", lang, title=say("diagnoses.vanishing_gradient.title", lang))
    with speaking(lang):
        card = findings_section([guess.to_dict()], Layers()).cards[0].title
        facts = verdict_facts(Verdict([guess]))["findings"][0]
        shown = [tell([guess]), findings_html([guess]), card, facts["title"]]
        assert all(title in text for text in shown)
        assert title not in tell([confirmed])
    assert "25%" in shown[0]
    assert facts["suspected"]


def test_what_only_describes_is_no_suspicion():
    (finding,) = diagnose(train(SICK["over_fitting"]), budget=0)
    assert (finding.name, finding.relief, finding.suspected) == ("over_fitting", None, False)


def test_healthy_is_said_too():
    assert tell([], "en") == say("doctor.healthy", "en")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("K003", "vanishing_gradient"),
        ("k003", "vanishing_gradient"),
        ("K3", "vanishing_gradient"),
        ("K0003", "vanishing_gradient"),
        ("Vanishing-Gradient", "vanishing_gradient"),
        ("勾配消失", "vanishing_gradient"),
        ("dying ReLU", "dead_units"),
        ("data not normalised", "data_not_normalized"),
        ("過学習", "over_fitting"),
        ("Over-fitting", "over_fitting"),
        ("NaN", "not_finite"),
    ],
)
def test_a_diagnosis_is_found_by_what_people_call_it(text, name):
    assert resolve(text) == {name}


def test_an_ambiguous_name_means_all_of_them():
    assert resolve("output layer") == {"output_loss_mismatch", "output_range"}


def test_the_sentence_of_an_output_fault_names_that_fault():
    run = train(SICK["output_loss_mismatch"])
    (finding,) = diagnose(run)
    assert finding.details["fault"] == "one_unit"
    assert sentence(finding) == say("diagnoses.output_loss_mismatch.one_unit", layer=finding.layer)


def test_sarif_has_a_rule_and_a_result_for_each_finding(findings):
    log = json.loads(json.dumps(sarif(Verdict(findings), "recipe.toml"), allow_nan=False))
    (run,) = log["runs"]
    assert log["version"] == "2.1.0"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["K003"]
    (result,) = run["results"]
    assert (result["ruleId"], result["level"]) == ("K003", "error")
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "recipe.toml"
    assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == findings[0].layer
    assert sarif(Verdict([]), "recipe.toml")["runs"][0]["results"] == []


def test_a_healthy_run_has_no_findings():
    assert diagnose(train(circles((8,)))) == []


def test_printed_findings_say_what_to_do(findings):
    assert str(Findings(findings)) == tell(findings)
    assert say("diagnoses.vanishing_gradient.do") in str(Findings(findings))
    assert str(Findings()) == "[]"
    assert Findings(findings) == findings
