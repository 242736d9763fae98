"""The glossary: what a learner types finds the right word, and no word claims what is not there."""

import shlex
from itertools import chain
from pathlib import Path

import pytest

from koubai.cli.main import COMMANDS
from koubai.core.errors import KoubaiError
from koubai.doctor.diagnoses.diagnosis import known
from koubai.lab.experiments.entry import catalog
from koubai.study.errata import errata
from koubai.study.glossary import experiment_named, find_meanings, meaning, terms
from koubai.study.pictures import KINDS, draw
from koubai.study.tell import tell_erratum, tell_term, term_facts
from koubai.study.term import code_of
from koubai.study.term_page import term_page
from koubai.words import LANGUAGES, entries

COURSE = (Path(__file__).parent / "words_of_the_course.txt").read_text(encoding="utf-8").split()


@pytest.mark.parametrize("word", COURSE)
def test_every_word_of_the_course_is_known(word):
    assert find_meanings(word)


def test_terms_and_their_words_are_the_same():
    assert {key.split(".")[0] for key in entries("glossary")} == set(terms())
    assert {key.split(".")[0] for key in entries("errata")} == set(errata())


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("ドロップアウト", "dropout"),
        ("モメンタム", "momentum"),
        ("リッジ回帰", "ridge_regression"),
        ("最急降下法", "gradient_descent"),
        ("シグモイド", "sigmoid"),
        ("ザビエル", "xavier"),
        ("大域的最適解", "global_minimum"),
        ("ゼロパディング", "zero_padding"),
        ("線形関数", "linear_function"),
        ("ＢＮ", "batch_normalization"),
        ("Batch-Norm", "batch_normalization"),
        ("ドロップアウトとは？", "dropout"),
        ("重みの初期値を0", "symmetry"),
    ],
)
def test_a_word_finds_its_term(word, key):
    assert [term.key for term in find_meanings(word).terms] == [key]


def test_no_spelling_stands_for_two_terms_but_the_step():
    meant = [
        (spelling, len(find_meanings(spelling).terms)) for t in terms().values() for spelling in t.spellings
    ]
    assert {spelling for spelling, count in meant if count != 1} == {"step"}


@pytest.mark.parametrize(("word", "near"), [("dropuot", "dropout"), ("モメンタン", "momentum")])
def test_a_guess_is_made_where_one_is_near(word, near):
    with pytest.raises(KoubaiError) as caught:
        meaning(word)
    assert f"koubai explain {near}" in caught.value.hint


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [("K99", "learning_rate_too_high"), ("overfittin", "over_fitting"), ("dieing relu", "dead_units")],
)
def test_a_mistyped_diagnosis_is_told_the_nearest(typed, nearest):
    with pytest.raises(KoubaiError) as caught:
        meaning(typed)
    assert f"koubai explain {nearest}" in caught.value.hint


def test_what_is_far_from_every_word_is_not_known():
    with pytest.raises(KoubaiError, match="not known") as caught:
        meaning("quantum chromodynamics")
    assert "did you mean" not in caught.value.hint
    assert caught.value.hint.count(",") >= 2  # three of them


@pytest.mark.parametrize("term", terms().values(), ids=lambda term: term.key)
def test_what_a_term_names_exists(term):
    assert set(term.see) <= set(terms()) | set(known())
    assert set(term.errata) <= set(errata())
    assert term.key not in term.see
    if term.code:
        assert code_of(term.code).place
    if term.picture:
        assert term.picture.partition(":")[0] in KINDS


@pytest.mark.parametrize(
    "command", sorted({t.run for t in chain(terms().values(), errata().values()) if t.run}), ids=str
)
def test_a_command_that_is_named_can_be_typed(command):
    program, verb, *rest = shlex.split(command)
    assert (program, verb in COMMANDS) == ("koubai", True)
    if verb == "run":
        assert rest[0].replace("-", "_") in catalog()
    elif verb == "explain":
        assert rest[0] in terms()


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("term", terms().values(), ids=lambda term: term.key)
def test_a_term_is_told_whole_in_either_language(term, lang):
    text = tell_term(term, lang)
    for part in (term.title(lang), term.text(lang), term.formula, term.run):
        assert part in text
    assert term_facts(term)["title"][lang] == term.title(lang)


@pytest.mark.parametrize("picture", sorted({term.picture for term in terms().values() if term.picture}))
def test_a_picture_is_drawn_and_said_in_either_language(picture):
    drawn = {lang: draw(picture, lang) for lang in LANGUAGES}
    for one in drawn.values():
        assert all(panel.figure.plotly().data for panel in one.panels)
        assert one.table.rows
    assert drawn["en"].summary != drawn["ja"].summary


def test_a_page_holds_text_picture_code_and_errata():
    page = term_page(terms()["sigmoid"], "en")
    assert {section.name for section in page.sections} == {"picture", "code", "errata"}
    assert page.sentences == (terms()["sigmoid"].text("en"),)


def test_an_erratum_says_both_and_who_is_right():
    text = tell_erratum(errata()["E20"])
    for part in ("3x3", "4x4", "Dumoulin", "koubai run padding-stride", "002"):
        assert part in text


@pytest.mark.parametrize(
    ("word", "experiment"), [("勾配消失", "vanishing-gradient"), ("K014", "over-fitting")]
)
def test_a_word_names_the_experiment_that_shows_it(word, experiment):
    assert experiment_named(word) == experiment
