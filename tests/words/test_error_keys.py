"""Every key that an error is raised with is in the catalog with just these values, and no key is unused."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import koubai
from koubai.words import LANGUAGES, areas, entries
from koubai.words.phrase import catalog

ROOT = Path(koubai.__file__).parent
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"  # raise koubai's errors, too
ERRORS = (
    "KoubaiError",
    "ShapeError",
    "SettingError",
    "TooLarge",
    "DataError",
    "EngineError",
    "RunError",
)
HOME = ("words/phrase.py", "core/errors.py")  # where keys are values
PARTS = ("expected", "got", "hint")
# What an error is given besides the values of its texts.
OF_ALL = ("where", *PARTS)
FILES = [(path, path.relative_to(of)) for of in (ROOT, BENCHMARKS) for path in of.rglob("*.py")]
TREES = [(name.as_posix(), ast.parse(path.read_text("utf-8"))) for path, name in FILES]
GROUP = re.compile(r"[a-z_]+\.")  # of a word that a name at run time chooses: phrase(f"group.{name}")


def placeholders(key: str) -> set[str]:
    """Return the names of the values that an entry needs; in one language, as all have the same."""
    return {name for _, name, _, _ in Formatter().parse(catalog()[key]["en"]) if name is not None}


def calls(*names: str) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call of these functions in koubai, with its place."""
    for file, tree in TREES:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and name_of(node.func) in names and node.args:
                yield f"{file}:{node.lineno}", node


def name_of(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def literals(node: ast.expr) -> list[str]:
    """Return the texts that an expression may be, as far as they stand in it: 'a' if x else 'b'."""
    if isinstance(node, ast.IfExp):
        return [*literals(node.body), *literals(node.orelse)]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def group(node: ast.expr) -> str | None:
    """Return the group that phrase(f"group.{name}") chooses from."""
    if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
        found = GROUP.match(str(node.values[0].value))
        return found[0] if found else None
    return None


def members(of: str) -> list[str]:
    return [key for key in catalog() if key.startswith(of)]


RAISED = [
    (place, key, {word.arg for word in call.keywords})
    for place, call in calls(*ERRORS)
    for key in literals(call.args[0])
]
SAID = [
    (place, key, {word.arg for word in call.keywords})
    for place, call in calls("phrase")
    for key in literals(call.args[0])
]
CHOSEN = [
    (place, key, {word.arg for word in call.keywords})
    for place, call in calls("phrase")
    if (of := group(call.args[0])) is not None
    for key in members(of)
]


def needed(key: str, given: set[str]) -> set[str]:
    """Return the values that an error needs for its text, and for the parts that are not given with it."""
    beside = [f"{key}.{part}" for part in PARTS if part not in given and f"{key}.{part}" in catalog()]
    return set().union(*map(placeholders, [key, *beside]))


def test_every_key_is_in_the_catalog():
    lacking = {f"{place}: {key}" for place, key, _ in [*RAISED, *SAID] if key not in catalog()}
    assert lacking == set(), "give it an entry in words/errors*.toml"


def test_an_error_is_raised_with_just_the_values_of_its_texts():
    found = {f"{place}: {key}": given - set(OF_ALL) for place, key, given in RAISED}
    assert found == {f"{place}: {key}": needed(key, given) for place, key, given in RAISED}


def test_a_phrase_has_just_the_values_of_its_text():
    found = {f"{place}: {key}": given for place, key, given in SAID}
    assert found == {f"{place}: {key}": placeholders(key) for place, key, _ in SAID}


def test_a_phrase_chosen_by_name_has_the_values_of_each_of_its_group():
    assert [f"{place}: {key}" for place, key, given in CHOSEN if not given >= placeholders(key)] == []


def test_every_phrase_names_its_key_or_its_group():
    dark = [
        place
        for place, call in calls("phrase")
        if not literals(call.args[0]) and group(call.args[0]) is None and not place.startswith(HOME)
    ]
    assert dark == []


def test_a_value_of_an_error_needs_a_key():
    """An error without one is told as it is, and takes where, expected, got and hint only."""
    for place, call in calls(*ERRORS):
        if not literals(call.args[0]) and not place.startswith(HOME):
            assert {word.arg for word in call.keywords} - {None} <= set(OF_ALL), place


def test_every_key_is_used():
    used = {key for _, key, _ in [*RAISED, *SAID, *CHOSEN]}
    used |= {f"{key}.{part}" for _, key, given in RAISED for part in PARTS if part not in given}
    for _, call in calls("term"):
        used |= {key for of in literals(call.args[0]) for key in members(f"{of}.")}
    for _, call in calls("joined"):
        used |= {key for between in call.args[1:] for key in literals(between)} or {"comma"}
    unused = set(catalog()) - used
    assert not unused, f"no error says this: remove it from words/errors*.toml: {sorted(unused)}"


def test_every_kind_of_thing_has_its_word():
    kinds = {kind for _, call in calls("UnknownName", "Registry") for kind in literals(call.args[0])}
    assert kinds
    assert {f"kind.{kind.replace(' ', '_')}" for kind in kinds} <= set(catalog())


def test_no_two_areas_have_a_key_in_common():
    keys = [key for area in areas() if area.startswith("errors") for key in entries(area)]
    assert len(keys) == len(set(keys)) > 300


def test_keys_are_plain_words():
    word = r"[a-z][a-z0-9_]*"
    assert [key for key in catalog() if not re.fullmatch(rf"{word}(\.{word})*", key)] == []
    assert all(set(texts) == set(LANGUAGES) for texts in catalog().values())
