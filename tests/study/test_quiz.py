"""Check questions: every one can be asked many times, has one right answer, and speaks to every mistake."""

import json

import pytest

from koubai.cli.main import main
from koubai.study.glossary import terms
from koubai.study.quiz import QUESTIONS, ask
from koubai.study.term import code_of
from koubai.words import LANGUAGES, entries

SEEDS = range(20)


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_a_question_has_one_right_answer_and_says_why_each_other_is_wrong(name):
    for seed in SEEDS:
        asked = ask(name, seed)
        for lang in LANGUAGES:
            shown = [asked.choice(choice, lang) for choice in asked.choices]
            assert len(set(shown)) == len(shown) >= 4
            assert asked.right in asked.choices
            reasons = [asked.why(choice, lang) for choice in asked.choices]
            assert len(set(reasons)) == len(reasons)
            assert "{" not in asked.text(lang) + "".join(reasons)
    assert set(asked.about) <= set(terms())
    assert code_of(asked.code).place


def test_the_words_hold_every_question_and_no_other():
    assert {key.split(".")[0] for key in entries("quiz")} == set(QUESTIONS)
    told = {name: set(ask(name, 0).choices) for name in QUESTIONS}
    because = {key for key in entries("quiz") if key.endswith("_because")}
    for key in because:
        name, choice = key.removesuffix("_because").split(".")
        assert any(choice in ask(name, seed).choices for seed in SEEDS), key
    assert all(f"{name}.{choice}_because" in because for name, choices in told.items() for choice in choices)


@pytest.mark.parametrize("name", ["sigmoid_slope", "output_size", "step_size", "adagrad_step"])
def test_numbers_are_new_with_another_seed_and_the_same_with_the_same(name):
    assert ask(name, 3).text("en") == ask(name, 3).text("en")
    assert len({ask(name, seed).text("en") for seed in SEEDS}) > 3


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sigmoid_maximum", "0.25"),
        ("weight_gradient_line", "dW2 = dot(z1.T, delta2)"),
        ("output_delta_line", "delta2 = d_loss(t, y)"),
        ("alexnet_weights", "fc6"),
        ("diamond", "L1"),
        ("valley", "SGD"),
    ],
)
def test_what_the_course_answers(name, expected):
    asked = ask(name, 0)
    assert asked.choice(asked.right, "en") == expected


def test_a_learner_is_asked_answered_and_scored(monkeypatch, capsys):
    asked = ask("sigmoid_maximum", 7)
    names = list(asked.choices)
    wrong = next(i for i, name in enumerate(names, start=1) if name != asked.right)
    typed = iter(["what?", "9", str(wrong)])
    monkeypatch.setattr("builtins.input", lambda prompt: next(typed))
    assert main(["--lang", "en", "quiz", "sigmoid-maximum", "--count", "1", "--seed", "7"]) == 0
    said = capsys.readouterr().out
    assert said.count("Please type a number from 1 to 4") == 2
    assert asked.why(names[wrong - 1], "en") in said
    assert asked.why(asked.right, "en") in said
    assert "0 of 1 right." in said
    assert "koubai/layers/activations.py" in said


def test_the_end_of_input_stops_and_scores(monkeypatch, capsys):
    def closed(prompt):
        raise EOFError

    monkeypatch.setattr("builtins.input", closed)
    assert main(["--lang", "ja", "quiz"]) == 0
    assert "0 問中 0 問正解" in capsys.readouterr().out


def test_as_many_questions_are_asked_as_were_wanted(capsys):
    for count in (1, 6, 7):
        assert main(["--json", "quiz", "逆伝播", "--count", str(count), "--seed", "1"]) == 0
        assert len(json.loads(capsys.readouterr().out)) == count


def test_teachers_get_questions_as_json(capsys):
    assert main(["--json", "quiz", "ドロップアウト", "--count", "2", "--seed", "1"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in told] == ["dropout_scale", "dropout_scale"]
    assert all(sum(choice["right"] for choice in one["choices"]) == 1 for one in told)


def test_what_no_question_is_about_is_told(capsys):
    assert main(["quiz", "ILSVRC"]) == 2
    assert "output_size" in capsys.readouterr().err
