"""What a part of a recipe is: English is its docstring's first line and stands nowhere else."""

import pytest

from koubai.cli.commands.parts import _PACKAGES, _registry
from koubai.words import LANGUAGES, entries, speaking
from koubai.words.part import about

PARTS = {
    name: cls
    for registry in map(_registry, _PACKAGES)
    for name, cls in registry.items()
    if cls.__module__.startswith("koubai.")
}


@pytest.mark.parametrize("name", PARTS)
def test_english_comes_from_the_docstring_and_every_other_language_from_the_words(name):
    doc = PARTS[name].__doc__
    assert set(entries("parts")[name]) == set(LANGUAGES) - {"en"}, "say in words/parts.toml what this part is"
    with speaking("en"):
        assert about(name, doc) == doc.strip().splitlines()[0]
        assert about(name, f"Changed.\n\n{doc}") == "Changed."
    with speaking("ja"):
        assert about(name, doc) == entries("parts")[name]["ja"]


def test_a_part_that_the_words_do_not_know_is_told_by_its_docstring():
    with speaking("ja"):
        assert about("of_my_own", "\n    Mine.\n\n    More.\n    ") == "Mine."
        assert about("of_my_own", None) == ""


def test_the_words_know_no_part_that_is_not():
    assert set(entries("parts")) == set(PARTS)
