"""A recipe as the end of an address, as the live page shows it: what can be shared, `koubai train` takes.

    http://127.0.0.1:8123/#play/steps=500&data.type=moons&network.type=mlp&network.hidden=[16,16]

One part for each setting, named by its dotted path as in `--set`. A value is JSON; what is no JSON is a text.
"""

from __future__ import annotations

import json
import tomllib
from typing import Any, NoReturn
from urllib.parse import quote, unquote

from koubai.core.errors import ConfigError, Problem
from koubai.train.recipe import Recipe
from koubai.train.recipe_file import MAX_DEPTH, recipe_of
from koubai.words.phrase import phrase

MARK = "#play/"
LONGEST = 16 * 1024
_SOURCE = "address"
_PLAIN = ",:@"  # letters that may stand there as they are


def is_address(text: str) -> bool:
    """Return whether a text is an address that holds a recipe."""
    return MARK in text


def read_address(text: str) -> Recipe:
    """Return the recipe in an address, or in what stands behind its mark.

    Raises:
        ConfigError: with every problem and its path.
    """
    return recipe_of(table_in(text), _SOURCE)


def write_address(recipe: Recipe) -> str:
    """Return what stands behind the mark for a recipe; settings at their defaults are left out.

    >>> from koubai.train.recipe import Recipe
    >>> kept = read_address("data.type=moons&network.type=mlp&network.hidden=[8,8]&network.classes=2")
    >>> read_address(write_address(kept)) == kept
    True
    """
    return "&".join(f"{path}={_said(value)}" for path, value in _parts(table_of(recipe)))


def table_of(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as the tables of its file."""
    return tomllib.loads(recipe.to_toml())


def table_in(text: str) -> dict[str, Any]:
    """Return the tables that an address describes; raises ConfigError."""
    query = text.rpartition(MARK)[2]
    if len(query) > LONGEST:
        raise ConfigError(_SOURCE, [Problem("", phrase("address_too_long", most=LONGEST))])
    table: dict[str, Any] = {}
    problems = []
    for part in filter(None, query.split("&")):
        name, equals, value = part.partition("=")
        steps = unquote(name).split(".")
        if not equals or not all(steps) or len(steps) > MAX_DEPTH:
            problems.append(Problem(unquote(name), phrase("no_setting_with_value"), hint="steps=500"))
        elif not _put(table, steps, _meant(unquote(value))):
            problems.append(Problem(".".join(steps), phrase("setting_given_twice")))
    if problems:
        raise ConfigError(_SOURCE, problems)
    return table


def _put(table: dict[str, Any], steps: list[str], value: Any) -> bool:
    """Put a value at its path; return whether the place was free."""
    for step in steps[:-1]:
        table = table.setdefault(step, {})
        if not isinstance(table, dict):
            return False
    return table.setdefault(steps[-1], value) is value


def _meant(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def _said(value: Any) -> str:
    plain = isinstance(value, str) and _meant(value) == value
    return quote(value if plain else json.dumps(value, separators=(",", ":"), ensure_ascii=False), _PLAIN)


def _parts(table: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return every value that is no table, or an empty one, with its dotted path."""
    found: list[tuple[str, Any]] = []
    for name, value in table.items():
        inner = isinstance(value, dict) and value
        found += _parts(value, f"{prefix}{name}.") if inner else [(f"{prefix}{name}", value)]
    return found
