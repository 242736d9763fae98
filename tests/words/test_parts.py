"""The words for parts of a recipe: every part that comes with koubai, in English as its docstring says it."""

import pytest

from koubai.cli.commands.parts import _PACKAGES, _registry, first_line
from koubai.words import entries, say

PARTS = {
    name: cls
    for registry in map(_registry, _PACKAGES)
    for name, cls in registry.items()
    if cls.__module__.startswith("koubai.")
}


@pytest.mark.parametrize("name", PARTS)
def test_a_part_is_told_in_english_as_its_docstring_says_it(name):
    assert name in entries("parts"), "say in words/parts.toml what this part is"
    assert say(f"parts.{name}", lang="en") == first_line(PARTS[name])


def test_the_catalogue_knows_no_part_that_is_not():
    assert set(entries("parts")) == set(PARTS)
