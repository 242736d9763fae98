"""Recipes as TOML: round trips, every mistake at its line, hostile files."""

import tomllib
from dataclasses import MISSING, fields
from typing import Literal, get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import koubai as kb
from koubai.core.errors import ConfigError, KoubaiError
from koubai.core.layer import LAYERS, Layer
from koubai.core.spellings import ELSEWHERE
from koubai.optim.optimizer import OPTIMIZERS
from koubai.train import Recipe
from koubai.train.faults import Faults
from koubai.train.kinds import KINDS
from koubai.train.plain import default_of, hints_of, instance_of
from koubai.train.recipe_file import MAX_BYTES, MAX_DEPTH
from koubai.train.schema import json_schema, read_plain
from koubai.train.toml_lines import lines_of

SCALARS = {
    bool: st.booleans(),
    int: st.integers(0, 5),
    float: st.floats(0, 1, exclude_max=True) | st.sampled_from([1e-8, 2.5]),
    str: st.sampled_from(["relu", "sigmoid", '"', "a\\b", "日本\n", "x.1-2_3"]),
}


def values(hint, depth):  # noqa: PLR0911 -- a case for each kind of type
    """A strategy for a type of a field, as long as the constructors take what it draws."""
    if hint in SCALARS:
        return SCALARS[hint]
    if hint in KINDS:
        simple = [
            cls for cls in KINDS[hint].values() if not any(_is_layer(h) for h in hints_of(cls).values())
        ]
        classes = list(KINDS[hint].values()) if depth else simple
        return st.sampled_from(classes).flatmap(lambda cls: instances(cls, max(depth - 1, 0)))
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if get_origin(hint) is tuple:
        inner = get_args(hint)
        if Ellipsis in inner:
            return st.lists(values(inner[0], depth), min_size=1, max_size=3).map(tuple)
        return st.tuples(*(values(item, depth) for item in inner))
    if hint is type(None):
        return st.none()
    if hasattr(hint, "__metadata__"):
        return st.integers(1, 10**9)
    if get_args(hint):
        return st.one_of(*(values(item, depth) for item in get_args(hint)))
    return instances(hint, depth)


def _is_layer(hint):
    return hint is Layer or any(_is_layer(item) for item in get_args(hint))


@st.composite
def instances(draw, cls, depth):
    """An instance of a dataclass: fields as drawn if its constructor agrees, else those that it needs."""
    hints = hints_of(cls)
    needed = {f.name: draw(values(hints[f.name], depth)) for f in fields(cls) if default_of(f) is MISSING}
    drawn = {f.name: draw(values(hints[f.name], depth)) for f in fields(cls) if draw(st.booleans())}
    for members in (needed | drawn, needed):
        try:
            return instance_of(cls, members)
        except KoubaiError:
            continue
    return draw(st.nothing()) if depth < 0 else draw(instances(cls, depth))


RECIPES = instances(Recipe, 3)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@QUICK
@given(RECIPES, st.booleans())
def test_a_recipe_survives_the_way_through_toml(recipe, full):
    text = recipe.to_toml(full=full)
    again = Recipe.from_toml(text)
    assert again == recipe
    assert again.hash == recipe.hash
    assert again.to_toml(full=full) == text


@QUICK
@given(RECIPES)
def test_every_line_of_a_written_recipe_is_found(recipe):
    text = recipe.to_toml(full=True)
    lines, table, rows = lines_of(text), tomllib.loads(text), text.split("\n")

    def look(value, place):
        assert 1 <= lines[place] <= len(rows)
        if isinstance(place[-1], str):
            assert place[-1] in rows[lines[place] - 1]
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(item, dict | list):
                look(item, (*place, key))
            else:
                assert (*place, key) in lines

    for key, value in table.items():
        look(value, (key,)) if isinstance(value, dict | list) else look({}, (key,))


def test_a_short_recipe_reads_as_a_person_writes_it():
    recipe = Recipe(
        kb.Sequential(kb.Flatten(), kb.Linear(40), kb.ReLU(), kb.Linear(10, weight_init=kb.Normal(0.1))),
        kb.data.digits(train=1000),
        optimizer=kb.Adam(0.01),
        penalties=(kb.L2(0.5),),
    )
    assert (
        recipe.to_toml()
        == """\
loss = "softmax_cross_entropy"
penalties = [{type = "l2", strength = 0.5}]
initializer = "he_normal"
batch_size = 100
steps = 1000
seed = 0

[data]
type = "digits"
train = 1000

[optimizer]
type = "adam"
learning_rate = 0.01

[network]
type = "sequential"
layers = [
    "flatten",
    {type = "linear", out_features = 40},
    "relu",
    {type = "linear", out_features = 10, weight_init = {type = "normal", scale = 0.1}},
]
"""
    )


def test_shorthands_mean_the_long_forms():
    short = Recipe.from_toml('data = "digits"\nnetwork = ["flatten", {type = "linear", out_features = 10}]')
    assert short == Recipe(kb.Sequential(kb.Flatten(), kb.Linear(10)), kb.data.digits())
    named = Recipe.from_toml('data = "digits"\nnetwork = "leaky-relu"\noptimizer = "adam"')
    assert (named.network, named.optimizer) == (kb.LeakyReLU(), kb.Adam())


MISTAKES = """\
network = [
  "flaten",
  { type = "linear", out_feature = 3 },
  { type = "conv2d", out_channels = "a", kernel = [3, 2.5] },
  { out_channels = 2 },
  { type = "residual", body = { type = "mlp", hidden = [3, -1] } },
  { type = "dropout", ratio = 1.5 },
]
steps = -1
batchsize = 3
dtype = "float23"
replacement = 1

[data]
type = "digits"
train = "many"

[optimizer]
type = "addam"

[optimiser]
type = "sgd"

[clipping]
norm = -1.0
"""


def test_every_mistake_of_a_file_comes_with_its_line_and_the_nearest_name():
    with pytest.raises(ConfigError) as error:
        Recipe.from_toml(MISTAKES)
    found = {problem.path: (problem.line, problem.hint) for problem in error.value.problems}
    assert found == {
        "network.layers.0": (2, "did you mean 'flatten'?"),
        "network.layers.1.out_feature": (3, "did you mean 'out_features'?"),
        "network.layers.2.out_channels": (4, None),
        "network.layers.2.kernel": (4, None),
        "network.layers.3": (5, found["network.layers.3"][1]),
        "network.layers.4.body.hidden": (6, None),
        "network.layers.5.ratio": (7, None),
        "steps": (9, None),
        "batchsize": (10, "did you mean 'batch_size'?"),
        "dtype": (11, "did you mean 'float32'?"),
        "replacement": (12, None),
        "data.train": (16, None),
        "optimizer": (18, "did you mean 'adam'?"),
        "optimiser": (21, "did you mean 'optimizer'?"),
        "clipping.norm": (25, None),
    }
    assert "conv2d" in found["network.layers.3"][1]
    messages = {problem.path: problem.message for problem in error.value.problems}
    assert messages["network.layers.2.kernel"].startswith(
        "expected a whole number or a list of whole numbers, got [3"
    )
    assert messages["steps"] == "expected a whole number of at least 0, got -1"
    assert messages["replacement"] == "expected true or false, got 1"


def test_no_mistake_of_a_part_hides_another():
    """A class looks at its settings once all are of their types, and refuses the first."""
    with pytest.raises(ConfigError) as error:
        Recipe.from_toml(
            """
[network]
type = "mlp"
hidden = ["a", 3]
activation = "rellu"
dropout = 2
clases = 3
[data]
type = "digits"
train = -3
label_noise = 4
scale = "stanard"
[optimizer]
type = "adam"
learning_rate = -1
beta1 = 4
"""
        )
    found = {problem.path: problem.line for problem in error.value.problems}
    assert found == {
        "network.hidden.0": 4,
        "network.activation": 5,
        "network.dropout": 6,
        "network.clases": 7,
        "data.train": 10,
        "data.label_noise": 11,
        "data.scale": 12,
        "optimizer.learning_rate": 15,
        "optimizer.beta1": 16,
    }


def test_unknown_names_are_looked_up_among_all_kinds_and_in_japanese():
    with pytest.raises(ConfigError) as error:
        Recipe.from_toml(
            """
data = "手書き数字"
network = { type = "mlp", activation = "シグモイド" }
optimizer = "アダム"
loss = "adam"
initializer = "relu"
"""
        )
    hints = {problem.path: problem.hint for problem in error.value.problems}
    assert hints["data"] == "did you mean 'mnist'?"
    assert hints["network.activation"] == "did you mean 'sigmoid'?"
    assert hints["optimizer"] == "did you mean 'adam'?"
    assert hints["loss"].startswith("'adam' names another kind of thing (optimizer); one of binary_cross")
    assert hints["initializer"].say("ja").startswith("'relu' は別の種類（層）の名前です。ここでは constant, ")


def test_every_japanese_word_that_is_understood_means_a_part_or_a_setting():
    known = {name for registry in KINDS.values() for name in registry}
    known |= {field.name for cls in (Recipe, *LAYERS.values(), *OPTIMIZERS.values()) for field in fields(cls)}
    for word, meant in ELSEWHERE.items():
        if not word.isascii():
            assert set(meant) <= known, word


def test_what_is_missing_is_said():
    with pytest.raises(ConfigError) as error:
        Recipe.from_toml("# nothing yet\n")
    assert [str(problem) for problem in error.value.problems] == [
        "network: is missing, expected a layer",
        "data: is missing, expected a data set",
    ]


HOSTILE = {
    "what is no setting of a layer": (
        'data = "digits"\nnetwork = [{ type = "dropout", random = 0.3 }]',
        "line 2: network.layers.0.random: dropout has no setting 'random'",
    ),
    "a broken line": ("steps = 1\nseed = \n", "line 2.*not TOML"),
    "a key twice": ("steps = 1\nsteps = 2\n", "not TOML"),
    "deep arrays": ("a = " + "[" * 5000 + "]" * 5000, f"more than {MAX_DEPTH} levels"),
    "arrays just too deep": ("a = " + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "levels deep"),
    "deep dotted keys": ("a" + ".a" * 50_000 + " = 1", "levels deep"),
    "deep quoted keys": ('"a"' + '."a b"' * 20_000 + " = 1", "levels deep"),
    "deep tables": ("[a" + " . a" * 40_000 + "]", "levels deep"),
    "a huge number": ("steps = " + "9" * 5000, "not TOML"),
    "a number no float holds": (
        'data = "digits"\nnetwork = "relu"\nsteps = ' + "9" * 400,
        "line 3: steps: .* 64 bits",
    ),
    "a huge text": ("# " + "x" * MAX_BYTES, "larger than 256 KiB"),
    "many letters without a dot": ("a" * 200_000 + "\n", "not TOML"),
    "many quotes": ('x = "' + "''" * 100_000, "not TOML"),
    "a NUL byte": ("steps = 1\0", "not TOML"),
    "times and dates": (
        'data = 1979-05-27\nnetwork = "relu"',
        "data: expected a data set, got datetime.date",
    ),
    "not a number": ('data = "digits"\nnetwork = {type = "dropout", ratio = nan}', "out of range"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_gives_one_clear_error_at_once(name):
    text, message = HOSTILE[name]
    with pytest.raises(ConfigError, match=message):
        Recipe.from_toml(text)


@QUICK
@given(st.text(alphabet="[]{}=.,\"'#\n\\ab1 \u65e5", max_size=60))
def test_any_text_is_a_recipe_or_a_configuration_error(text):
    with pytest.raises(ConfigError):
        Recipe.from_toml(text + "\n")


@QUICK
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["type", "layers", "body", "kernel", "out_features", "x"]), inner
            )
        ),
        max_leaves=12,
    )
)
def test_any_value_in_place_of_a_part_is_told_or_taken(value):
    try:
        assert isinstance(read_plain(Layer, value), Layer)
    except Faults as error:
        assert error.faults  # noqa: PT017 -- a value may be right by chance: both ways out are right


def test_files_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "digits.toml").write_text('data = "digits"\nnetwork = "relu"\n')
    assert Recipe.from_toml(tmp_path / "digits.toml").network == kb.ReLU()
    assert Recipe.from_toml(str(tmp_path / "digits.toml")).network == kb.ReLU()
    (tmp_path / "latin.toml").write_bytes(b"# \xe9\n")
    (tmp_path / "large.toml").write_bytes(b"#" * (MAX_BYTES + 1))
    for name, message in {
        "digit.toml": "there is no such file.*did you mean '.*digits.toml'",
        "latin.toml": "UTF-8",
        "large.toml": "larger than",
        ".": "this is a folder, not a file",
    }.items():
        with pytest.raises(ConfigError, match=message):
            Recipe.from_toml(tmp_path / name)


def test_a_layer_registered_later_is_known_at_once():
    from dataclasses import dataclass

    from koubai.core.layer import LAYERS

    assert read_plain(Layer, "relu") == kb.ReLU()

    @LAYERS.register
    @dataclass(frozen=True)
    class Newcomer(Layer):
        size: int

    try:
        assert read_plain(Layer, {"type": "newcomer", "size": 3}) == Newcomer(3)
    finally:
        LAYERS._classes.pop("newcomer")


def test_the_json_schema_lists_every_part():
    schema = json_schema(Recipe)
    for registry in KINDS.values():
        for cls in registry.values():
            title = schema["$defs"][cls.__name__]["title"]
            assert title == cls.registry_name
    assert schema["properties"]["steps"]["minimum"] == 0
    name, table, chain = schema["properties"]["network"]["anyOf"]
    assert "relu" in name["enum"]
    assert {"$ref": "#/$defs/Conv2d"} in table["oneOf"]
    assert chain["items"]["anyOf"] == [name, table]
    assert len(schema["properties"]["loss"]["anyOf"]) == 2
    assert schema["required"] == ["network", "data"]
