"""A text that is no TOML is refused in the reader's language, at its line and column."""

import ast
import inspect
import re
import tomllib

import pytest

from koubai.core.errors import ConfigError
from koubai.train.import_weights import read_mapping
from koubai.train.recipe import Recipe
from koubai.train.toml_words import _KNOWN, not_toml

WRONG = {  # the text: line, column, a piece of the English and of the Japanese sentence
    "steps = 1\n= 2": (2, 1, "a line begins with a name", "行は名前"),
    "steps = 1,000": (1, 10, "only a comment may follow", "コメントだけ"),
    "steps = 1\nname = 'digits": (2, 15, "single quotes has no end", "一重引用符の文字列が閉じて"),
    "a = '''digits\nand more": (2, 9, "single quotes has no end", "一重引用符の文字列が閉じて"),
    "a = 'x\ty\bz'": (1, 9, r"character '\x08' may not", r"文字 '\x08' は"),
    'a = "x\ny"': (1, 7, r"character '\n' may not", r"文字 '\n' は"),
    "# \0": (1, 3, r"character '\x00' may not", r"文字 '\x00' は"),
    "[data]\n[x]\n[data]": (3, 6, "the table data stands twice", "data が 2 回"),
    "steps = 1\nsteps = 2": (2, 10, "has a value already", "すでに値が"),
    "a = 1\n[a.b]": (2, 5, "has a value already", "すでに値が"),
    "[network\ntype = 1": (1, 9, "the ] after", "名の後の ] が"),
    "[[arms]\n": (1, 7, "the ]] after", "名の後の ]] が"),
    "a = {b = 1}\n[a.c]": (2, 5, "a.c stands twice, or in a table that is complete", "すでに完結した"),
    "a = {b = 1}\na.c = 2": (2, 8, "a is complete where it stands", "a は書かれた場所で完結"),
    "[a.b.c]\nz = 9\n[a]\nb.c.t = 1": (
        4,
        10,
        "the table a.b.c stands in two places",
        "テーブル a.b.c が 2 か所",
    ),
    "steps 1000": (1, 7, "the = after the name", "名前の後の ="),
    "a = {, }": (1, 6, "a name is expected", "名前が必要"),
    "a = [1 2]": (1, 8, "a list has no ]", "リストの ]"),
    "a = [1,\n2\nb = 3": (3, 1, "a list has no ]", "リストの ]"),
    "a = {b = 1 c = 2}": (1, 12, "in braces has no }", "波括弧のテーブルの }"),
    "a = {b = 1, b = 2}": (1, 18, "'b' stands twice", "'b' が 2 回"),
    'path = "C:\\Data"': (1, 13, r"begins an escape such as \n; write \\", r"などの始まり"),
    'a = "\\u12"': (1, 8, r"\u and \U need hexadecimal", "16 進数の数字"),
    'a = "\\ud800"': (1, 12, "no character has this number", "この番号の文字は"),
    'a = "digits': (1, 12, "double quotes has no end", "二重引用符の文字列が閉じて"),
    "a = 2026-02-30": (1, 5, "no such date or time", "日付や時刻は"),
    "activation = relu": (1, 14, "this is no value", "値として読めません"),
    "a =": (1, 4, "this is no value", "値として読めません"),
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_said_in_both_languages_with_line_column_and_text(text):
    line, column, english, japanese = WRONG[text]
    with pytest.raises(ConfigError) as caught:
        Recipe.from_toml(text + "\n" if "\n" not in text and "=" not in text else text)
    (problem,) = caught.value.problems
    assert problem.line == line
    assert english in problem.message
    said = problem.message.say("ja")
    assert japanese in said
    shown = text.split("\n")[line - 1].strip()
    assert f"(column {column}: {shown})" in problem.message
    assert said.endswith(f"（{column} 文字目: {shown}）")
    assert "英語" not in said


def test_every_sentence_of_this_pythons_parser_is_known():
    """Those in its source; "x" stands for what an f-string is filled with."""
    found = set()
    for node in ast.walk(ast.parse(inspect.getsource(tomllib._parser))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("suffixed_err", "TOMLDecodeError"):
            for given in node.args:
                if isinstance(given, ast.Constant) and isinstance(given.value, str):
                    found.add(given.value)
                if isinstance(given, ast.JoinedStr):
                    found.add("".join(v.value if isinstance(v, ast.Constant) else "x" for v in given.values))
    found -= {"x (at x)", "Expected x"}  # how a place is written; a quote is expected, which is tested above
    assert len(found) > 15
    assert {one for one in found if not any(re.fullmatch(pattern, one) for pattern in _KNOWN)} == set()


@pytest.mark.parametrize(
    ("message", "japanese"),
    [
        ("hour must be in 0..23", "日付や時刻は"),
        ("hour must be in 0..23, not 25", "日付や時刻は"),
        (
            f"Exceeds the limit (4300 digits) for integer string conversion: value has {10**4} digits",
            "4300 桁",
        ),
    ],
)
def test_what_python_says_without_a_place_is_known_too(message, japanese):
    assert japanese in not_toml(ValueError(message), "").message.say("ja")


def test_whatever_else_is_said_stands_there_with_line_column_and_text():
    problem = not_toml(ValueError("Something new (at line 2, column 3)"), "a = 1\nb = 2")
    assert problem.line == 2
    assert str(problem.message) == "not TOML: Something new (column 3: b = 2)"
    assert problem.message.say("ja") == (
        "TOML として読めません: パーサからの英語のメッセージ「Something new」（3 文字目: b = 2）"
    )
    assert "Something new" in not_toml(ValueError("Something new"), "").message.say("ja")


def test_numbers_of_thousands_of_digits_and_times_that_are_none_are_refused_in_words():
    for text, japanese in {"a = " + "9" * 5000: "桁を超える数", "a = 25:61:00": "値|日付|コメント"}.items():
        with pytest.raises(ConfigError) as caught:
            Recipe.from_toml(text)
        assert re.search(japanese, caught.value.problems[0].message.say("ja"))


def test_a_mapping_of_weights_is_told_the_same_way(tmp_path):
    for name, data in {"wrong": b"[tensors\n", "bytes": b"\xff", "deep": b"a = " + b"[" * 5000}.items():
        (tmp_path / name).write_bytes(data)
    for name, japanese in {"wrong": "名の後の ]", "bytes": "UTF-8", "deep": "入れ子"}.items():
        with pytest.raises(ConfigError) as caught:
            read_mapping(tmp_path / name)
        assert japanese in caught.value.problems[0].message.say("ja")
