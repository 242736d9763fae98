"""Docstrings on the Japanese pages: formulas and names as they are, what is said of them in Japanese."""

import pytest
from babel.messages.catalog import Catalog

from support.docs import within_docs

TEXT = """What it is
goes on here.

    y = a x

| symbol | name        |
|--------|-------------|
| x      | input of    |
|        | the layer   |

Source: Gauss 1809."""


@pytest.fixture(scope="module")
def docstrings():
    with within_docs():
        import docstrings as module
    return module


def test_sentences_are_joined_and_formulas_left_out(docstrings):
    wanted = ["What it is goes on here.", "symbol", "name", "input of the layer", "Source: Gauss 1809."]
    assert list(docstrings.messages(TEXT)) == wanted


def test_a_docstring_is_told_with_its_formula_and_its_table(docstrings, monkeypatch):
    kept = Catalog()
    kept.add("What it is goes on here.", "これは何か。")
    kept.add("input of the layer", "層の入力")
    monkeypatch.setattr(docstrings, "catalog", lambda page: kept)
    told = docstrings.told(TEXT, "ja")
    assert told.splitlines() == [
        *["これは何か。", "", "    y = a x", ""],
        *["| symbol | name |", "| --- | --- |", "| x | 層の入力 |", "", "Source: Gauss 1809."],
    ]
    assert docstrings.told(TEXT, "en") == TEXT
