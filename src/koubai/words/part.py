"""What a part of a recipe is: its docstring says it in English, words/parts.toml in every other language."""

from __future__ import annotations

import inspect

from koubai.words import entries, language


def about(name: str, docstring: str | None) -> str:
    r"""Return what a part is in the language in use; the docstring's first line where the words have nothing.

    >>> about("of_my_own", "Mine.\n\nMore of it.")
    'Mine.'
    """
    told = entries("parts").get(name, {}).get(language())
    return told or inspect.cleandoc(docstring or "").split("\n", 1)[0]
