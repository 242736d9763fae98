"""Retelling: which template a text fits, and what becomes of the values in its gaps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koubai.words import entries, retell
from koubai.words.retell import retold, templates_of

TEXTS = {
    "window": {"en": "the window does not fit the {axis}", "ja": "窓が{axis:words}に収まりません"},
    "height": {"en": "height", "ja": "高さ"},
    "fit": {"en": "the {thing} does not fit {where}", "ja": "{thing} は {where} に合いません"},
    "or": {"en": "{one:words} or {other:words}", "ja": "{one:words}か{other:words}"},
    "a": {"en": "a {noun:words}", "ja": "{noun:words}"},
    "number": {"en": "number", "ja": "数"},
    "text": {"en": "text", "ja": "文字列"},
    "got": {"en": "{problem:words}, got {got}", "ja": "{problem:words} (実際: {got})"},
    "edits": {"en": "a table such as {{ steps = {count} }}", "ja": "{{ steps = {count} }} のような表"},
    "swap": {"en": "{first} comes before {second}", "ja": "{second} の前に {first}"},
}


@pytest.fixture
def small(monkeypatch):
    """A catalog of a few templates."""
    retell._templates.cache_clear()
    monkeypatch.setattr(retell, "areas", lambda: ("errors", "cli"))
    monkeypatch.setattr(retell, "entries", lambda area: TEXTS if area == "errors" else entries(area))
    yield
    retell._templates.cache_clear()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("the window does not fit the height", "窓が高さに収まりません"),  # the template that says most
        ("the window does not fit the depth", "窓がdepthに収まりません"),  # a value that nobody knows stays
        ("the lens does not fit the box", "lens は the box に合いません"),
        ("a number or a text", "数か文字列"),
        ("a number or a text or a number", "数か文字列か数"),
        ("a number or a thing", "a number or a thing"),  # "or" asks for known values on both sides
        ("a number or 'a thing'", "数か'a thing'"),  # what stands in quotes is a value
        ("a 7", "7"),  # a value without English is known
        ("nothing, got b", "nothing, got b"),
        ("a table such as { steps = 100 }", "{ steps = 100 } のような表"),
        ("b comes before c", "c の前に b"),
        ("x comes before y comes before z", "y comes before z の前に x"),
        ("windows", "windows"),
        ("height, got 'b, got c'", "高さ (実際: 'b, got c')"),  # a value is not cut inside its quotes
        ("height, got b'\\x93, got', got 3", "高さ (実際: b'\\x93, got') (実際: 3)"),
        ('height, got "it\'s"', '高さ (実際: "it\'s")'),
        ("the lens's cap does not fit the box", "lens's cap は the box に合いません"),
        ("", ""),
        ("ファイルがありません", "ファイルがありません"),
        ("ファイルがありません, got 3", "ファイルがありません (実際: 3)"),
    ],
)
def test_a_text_is_told_by_the_template_that_leaves_least_english(small, text, said):
    assert retold(text, "ja") == said
    assert retold(text, "en") == text


def test_lines_are_told_one_by_one_and_keep_their_place(small):
    assert retold("height, got 3\n    number\n\nwho", "ja") == "高さ (実際: 3)\n    数\n\nwho"


def test_braces_in_a_value_are_no_gaps(small):
    assert retold("the window does not fit the {axis}", "ja") == "窓が{axis}に収まりません"


def test_the_entries_that_say_a_text_are_known(small):
    assert templates_of("the window does not fit the height") == {"errors.window", "errors.height"}
    assert templates_of("who") == frozenset()


def test_the_language_in_use_is_the_one_told(small, monkeypatch):
    monkeypatch.setenv("KOUBAI_LANG", "ja")
    assert retold("number") == "数"
    monkeypatch.setenv("KOUBAI_LANG", "en")
    assert retold("number") == "number"


PIECES = [
    "unknown ",
    "layer",
    " '",
    "'",
    '"',
    "{",
    "}",
    "{0}",
    " or ",
    ", got ",
    ": ",
    "(",
    ")",
    "\n",
    "数",
    "%s",
    "a ",
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=12).map("".join))
def test_any_text_can_be_told_and_keeps_its_lines(text):
    assert len(retold(text, "ja").split("\n")) == len(text.split("\n"))
    assert retold(text, "en") == text


@given(st.text(st.characters(blacklist_characters="\n", blacklist_categories=["Cs"])))
def test_a_quoted_value_comes_through_whatever_stands_in_it(name):
    quoted = repr(name)
    assert retold(f"unknown layer {quoted}", "ja").startswith(quoted)


def test_a_long_value_full_of_separators_is_a_value():
    value = ", got ".join(f"a {word} or a thing" for word in ["number", "text"] * 100)
    assert retold(f"unknown layer {value!r}", "ja") == f"{value!r} という層はありません"


@pytest.mark.parametrize(
    "text",
    [
        "expected " + "a number or " * 200,
        "x, expected " + ", got a" * 300,
        "x" + ": a" * 2000,
        "a number" + " or a number" * 300,
        "line 1: " * 1000,
        "x" * 300_000,
        "'" * 3000 + "a",
        "a number" + " (a number" * 500,
    ],
    ids=lambda text: text[:20],
)
def test_a_text_made_to_be_ambiguous_costs_little(text):
    teller = retell._Teller("ja")
    assert teller.tell(text).left <= len(text)
    assert len(teller._told) <= retell._MOST_TEXTS + retell._DEEPEST
