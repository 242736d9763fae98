"""Mistakes in a command line, in the reader's language, with the nearest name."""

from __future__ import annotations

from typing import Any, get_args

from cyclopts import (
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    RepeatArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from koubai.core.errors import KoubaiError, nearest
from koubai.words import say

# What people type who know other tools, or only our words for things.
_MEANT = {
    "catalog": "run", "experiment": "run", "experiments": "run", "list": "run", "init": "new",
    "diagnose": "doctor", "watch": "doctor", "fit": "train", "continue": "resume", "plot": "report",
    "layers": "parts", "benchmark": "bench",
}  # fmt: skip


def usage_error(error: CycloptsError, command: str | None, commands: dict[str, str]) -> KoubaiError:
    """Return a mistake as koubai's own error; `command` is the command whose arguments were read."""
    hint = say("cli.usage.more", command=f"{command} " if command else "")
    message, facts = str(error), dict[str, Any]()
    match error:
        case UnknownCommandError():
            name = str(error.unused_tokens[0]) if error.unused_tokens else ""
            near = _MEANT.get(name) or nearest(name, commands)
            hint = say("cli.usage.nearest", name=f"koubai {near}") if near else hint
            message, facts = say("cli.usage.command", name=name), {"expected": ", ".join(commands)}
        case UnknownOptionError():
            name = error.token.keyword or error.token.value
            near = nearest(name, [flag for argument in error.argument_collection for flag in argument.names])
            hint = say("cli.usage.nearest", name=near) if near else hint
            message = say("cli.usage.option", name=name)
        case MissingArgumentError() if error.argument is not None:
            message = say("cli.usage.missing", name=error.argument.name.lstrip("-").upper())
            facts = {"expected": error.argument.parameter.help}
        case CoercionError() if error.argument is not None and error.token is not None:
            choices = list(map(str, get_args(error.target_type)))
            near = nearest(error.token.value, choices)
            hint = say("cli.usage.nearest", name=near) if near else hint
            expected = ", ".join(choices) or _kind(error.target_type)
            message = say("cli.usage.value", name=error.argument.name)
            facts = {"expected": expected, "got": error.token.value}
        case RepeatArgumentError():
            message = say("cli.usage.twice", name=error.token.keyword or error.token.value)
        case UnusedCliTokensError() if error.unused_tokens:
            message, facts = say("cli.usage.unused"), {"got": " ".join(map(str, error.unused_tokens))}
    return KoubaiError(message, **facts, hint=hint)


def _kind(kind: object) -> str | None:
    """Return what kind of value was expected, where there is a word for it."""
    words = {int: "cli.usage.whole", float: "cli.usage.number"}
    return next((say(key) for known, key in words.items() if kind is known), None)
