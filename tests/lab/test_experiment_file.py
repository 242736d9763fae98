"""Experiment files: what they may say, and how their mistakes are told."""

from importlib.resources import files

import pytest

from koubai.core.errors import ConfigError
from koubai.data.sources.digits import Digits
from koubai.lab.declare.experiment import Observations
from koubai.lab.declare.experiment_file import read_experiment
from koubai.lab.declare.measures import MEASURES
from koubai.lab.declare.mending import mended
from koubai.lab.declare.vary import parse_vary
from koubai.lab.perform.outcome import Context
from koubai.lab.perform.training import run_recipe
from koubai.models.mlp import Mlp
from koubai.optim.adam import Adam
from koubai.train.recipe import Recipe

GOOD = """
name = "mine"
question = { en = "Which?", ja = "どれ?" }
seeds = [3, 5]
baseline = "0.1 + adam"
budget = 60

[recipe]
network = { type = "mlp", hidden = [8] }
data = "digits"
steps = 5

[axes.rate]
path = "optimizer.learning_rate"
values = [0.1, 0.01]

[axes.optimizer]
sgd = {}
adam = { optimizer.type = "adam", optimizer.learning_rate = 0.5 }

[[arms]]
name = "wide"
edits = { network.hidden = [40], penalties = [{ type = "l2", strength = 0.1 }] }

[[claims]]
arm = "wide"
over = "0.1 + sgd"
direction = "lower"
measure = "test_loss"

[observations]
taps = 3
histograms = true
"""

BAD = """seedz = 3
baseline = "wyde"

[recipe]
network = { type = "mlp", hidden = [40, 20] }
data = "digitz"
steps = 100

[axes.rate]
path = "optimizer.learning_rat"
values = [0.01, 0.1]

[axes.init]
a = { initializer = "he_norml" }
b = 3

[[arms]]
name = "wide"
edits = { network.hiden = [400], steps = 0.5 }
label = "Wide"

[[arms]]
edits = {}

[[claims]]
arm = "wide"
over = "narrow"
direction = "hihger"
"""


def test_a_file_becomes_an_experiment():
    found = read_experiment(GOOD)
    assert (found.name, found.seeds, found.budget, found.baseline) == ("mine", (3, 5), 60, "0.1 + adam")
    assert found.question.say("ja") == "どれ?"
    assert [arm.name for arm in found.arms] == [
        "0.1 + sgd",
        "0.1 + adam",
        "0.01 + sgd",
        "0.01 + adam",
        "wide",
    ]
    assert found.plan(found["0.01 + adam"], 3).optimizer == Adam(0.5)  # the later axis has the last word
    wide = found.plan(found["wide"], 3)
    assert wide.network.hidden == (40,)
    assert wide.penalties[0].strength == 0.1
    assert found.claims[0].direction == "lower"
    assert (found.observations.taps, found.observations.histograms) == (3, True)


def test_every_mistake_is_told_with_its_line_and_the_nearest_name():
    bad_data = BAD
    with pytest.raises(ConfigError) as error:
        read_experiment(bad_data)
    lines = {(problem.line, problem.hint) for problem in error.value.problems}
    assert (1, "did you mean 'seeds'?") in lines
    assert (2, "did you mean 'wide'?") in lines
    assert (6, "did you mean 'digits'?") in lines
    assert any(line == 15 for line, _ in lines)  # b = 3
    assert (20, "one of name, edits") in lines
    assert any(line == 22 for line, _ in lines)  # an arm without a name
    assert (28, "higher or lower") in lines
    assert (11, "did you mean 'learning_rate'?") in lines  # edits too, though the recipe is wrong
    assert (14, "did you mean 'he_normal'?") in lines
    assert (19, "did you mean 'hidden'?") in lines
    assert any("whole number" in problem.message for problem in error.value.problems)
    rates = [problem for problem in error.value.problems if "learning_rat" in problem.message]
    assert len(rates) == 1  # one wrong path, however many values


def test_a_recipe_is_mended_as_far_as_it_goes():
    plain = {
        "network": {"type": "mpl", "hidden": [8], "hiden": [9]},
        "optimizer": {"type": "adam", "learning_rate": "fast"},
        "data": "nothing like it at all",
        "steps": -3,
        "stepz": 3,
    }
    ground = mended(plain)
    assert ground.recipe.network == Mlp((8,))
    assert ground.recipe.optimizer == Adam()
    assert ground.recipe.steps == Recipe(Mlp(), Digits()).steps
    edits = {"data.train": 3, "data": "digits", "network.hidden": [3]}
    assert list(ground.known(edits)) == ["data", "network.hidden"]  # of such data nothing is known
    assert plain["network"]["type"] == "mpl", "what was read stays as it is"
    for odd in (None, [], {}, {"network": [{"type": "linear"}]}, {"network": 3, "data": {"type": 3}}):
        assert mended(odd).unsure >= {"network"}


_AXIS = "[recipe]\nnetwork = { type = 'mlp' }\ndata = 'digits'\n[axes.a]\n"
_ARMS = "[recipe]\nnetwork = { type = 'mlp' }\ndata = 'digits'\n[[arms]]\nname = 'a'\n"


def test_the_measures_that_a_file_may_name_are_those_of_a_run():
    recipe = Recipe(Mlp((8, 8)), Digits(train=100, validation=50), steps=2)
    watched = Context(
        Observations(taps=1, evaluations=0, signal=True, outputs=True), engine="reference", exhibits=False
    )
    assert set(run_recipe(recipe, watched).scores) == set(MEASURES)


def read_fails(text):
    with pytest.raises(ConfigError) as error:
        read_experiment(text)
    return error.value.problems


@pytest.mark.parametrize(
    "axis", ["[axes.values]\nwide = { network.hiden = [3] }", "[axes.a.values.network]\nhiden = [3]"]
)
def test_an_axis_or_a_level_may_be_called_values(axis):
    problems = read_fails(f"[recipe]\nnetwork = {{ type = 'mlp' }}\ndata = 'digits'\n{axis}\n")
    assert [problem.path.split(".")[-2:] for problem in problems] == [["network", "hiden"]]
    assert "network.hiden" not in problems[0].message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = 'x'\n", "there is no [recipe]"),
        ("[recipe]\nnetwork = []\ndata = 'digits'\n", "nothing is compared"),
        ("[axes.a]\n[recipe]\nnetwork = []\ndata = 'digits'\n", "this axis is empty"),
        ("seeds = 99999999999\n" + _AXIS + "path = 'steps'\nvalues = [1]\n", "at most 100000 seeds"),
        ("seeds = [1, 1]\n" + _AXIS + "path = 'steps'\nvalues = [1]\n", "a seed is there twice"),
        ("seeds = -2\n" + _AXIS + "path = 'steps'\nvalues = [1]\n", "at least 1 or a list of whole numbers"),
        ("seeds = [1, -2]\n" + _AXIS + "path = 'steps'\nvalues = [1]\n", "a list of whole numbers"),
        ("budget = -3\n" + _AXIS + "path = 'steps'\nvalues = [1]\n", "a number of at least 0"),
        (_AXIS + "path = 'steps'\nvalues = [1]\n[observations]\ntaps = -1\n", "a whole number of at least 0"),
        ("measure = 'test_acc'\n" + _AXIS + "path = 'steps'\nvalues = [1]\n", "no run has a number"),
        ("steps = 3\n" + _AXIS + "path = 'steps'\nvalues = [1]\n", "no setting 'steps'"),
        (_AXIS + "path = 'steps'\nvalues = []\n", "there are no values"),
        (_AXIS + "path = 'steps'\nvalues = [1, 1]\n", "1 is there twice"),
        (_ARMS + "[[arms]]\nname = 'b'\n", "'b' has the same recipe as 'a'"),
        (_ARMS + "[[arms]]\nname = 'a'\nedits = { steps = 3 }\n", "two arms are named 'a'"),
        (_ARMS + "[[arms]]\nname = 'b'\nsteps = 3\n", "no setting 'steps'"),
        (_ARMS + "[[arms]]\nname = 3\n", "needs a name"),
        (_ARMS + "[[claims]]\narm = 'a'\nover = 'a'\n", "compared with itself"),
        ("axes = 3\n[recipe]\nnetwork = []\ndata = 'digits'\n", "expected tables [axes.NAME]"),
        ("arms = {}\n[recipe]\nnetwork = []\ndata = 'digits'\n", "nothing is compared"),
        ("name = \n", "not TOML"),
        (_AXIS + "path = 'steps'\nvalues = [1]\nlabel = 'x'\n", "no setting 'label'"),
        (_AXIS + "path = 'steps'\nvalues = 1\n", "a list of values"),
        (_AXIS + "values = [1]\n", "expected a path in quotes"),
        (_AXIS + "fast = 3\n", "expected a table of edits"),
    ],
)
def test_files_that_are_no_experiments_say_what_is_missing(text, message):
    assert any(message in problem.message for problem in read_fails(text))


def test_the_templates_are_the_same_experiment_and_it_is_valid():
    texts = [
        (files("koubai.lab.declare") / "templates" / f"experiment.{lang}.toml").read_text(encoding="utf-8")
        for lang in ("en", "ja")
    ]
    english, japanese = map(read_experiment, texts)
    assert english.arms == japanese.arms
    assert english.base == japanese.base
    assert english.claims == japanese.claims
    for text in texts:  # what is commented out is right too
        arms = opened(text, "# [[arms]]", "# name", "# edits")
        assert [arm.name for arm in read_experiment(arms).arms] == ["sgd", "adam", "wide"]
        axes = opened(text, "# [axes.rate]", "# path", "# values")
        problems = read_fails(axes)
        assert {problem.path for problem in problems} <= {"baseline", "claims.0.arm", "claims.0.over"}
        assert "sgd + 0.001" in problems[0].hint


def opened(text, *lines):
    for line in lines:
        assert f"\n{line}" in text
        text = text.replace(f"\n{line}", f"\n{line[2:]}")
    return text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("steps=1,2", ("steps", [1, 2])),
        ("optimizer.learning_rate=.1,1e-3", ("optimizer.learning_rate", [0.1, 0.001])),
        ("network.hidden=[40,20],[10]", ("network.hidden", [[40, 20], [10]])),
        ("replacement=true", ("replacement", [True])),
        ("optimizer=adam,sgd", ("optimizer", ["adam", "sgd"])),
        ("steps=" + "[" * 9999, ("steps", ["[" * 9999])),
    ],
)
def test_vary_reads_values_as_a_file_would(text, expected):
    assert parse_vary(text) == expected


def test_vary_without_values_is_refused():
    for text in ("steps", "=3", "steps="):
        with pytest.raises(ConfigError, match="PATH=VALUE"):
            parse_vary(text)


def test_a_table_in_place_of_a_question_is_told_what_a_question_is():
    with pytest.raises(ConfigError, match=r"question: expected .*text in quotes"):
        read_experiment(
            GOOD.replace('question = { en = "Which?", ja = "どれ?" }', 'question = { fr = "Quoi?" }')
        )
