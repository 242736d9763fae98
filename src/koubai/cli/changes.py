"""`--set path=value`: changes of a recipe on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from koubai.core.errors import ConfigError, Problem
from koubai.train.edits import edit
from koubai.train.recipe_file import parse_toml
from koubai.words import say


def edited(value: Any, words: Sequence[str], **named: Any) -> Any:
    """Return a recipe (or a layer) with changes such as "optimizer.learning_rate=0.1" made.

    `named` are changes from options of their own; None means not given. All mistakes are told at once.
    """
    changes: dict[str, Any] = {}
    problems: list[Problem] = []
    for word in words:
        path, equals, text = word.partition("=")
        if equals and path.strip():
            changes[path.strip()] = value_of(text)
        else:
            hint = "--set optimizer.learning_rate=0.1"
            problems.append(Problem(word, say("cli.changes.no_equals"), hint=hint))
    changes |= {name: new for name, new in named.items() if new is not None}
    try:
        value = edit(value, changes)
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(say("cli.changes.command_line"), problems)
    return value


def value_of(text: str) -> Any:
    """Return a value as a TOML file would have it; a bare word is a name.

    >>> value_of("1e-3"), value_of("[3, 3]"), value_of("adam"), value_of("false")
    (0.001, [3, 3], 'adam', False)
    """
    try:
        return parse_toml(f"value = {text}", "")[0]["value"]
    except ConfigError:
        return text.strip()
