"""Mistakes in a command line, in the reader's language, with the nearest name."""

from __future__ import annotations

from cyclopts import (
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from koubai.core.errors import KoubaiError, nearest
from koubai.words import say


def usage_error(error: CycloptsError, command: str | None, commands: dict[str, str]) -> KoubaiError:
    """Return a mistake as koubai's own error; `command` is the command whose arguments were read."""
    more = say("cli.usage.more", command=f"{command} " if command else "")
    match error:
        case UnknownCommandError():
            name = str(error.unused_tokens[0]) if error.unused_tokens else ""
            near = nearest(name, commands)
            hint = say("cli.usage.nearest", name=f"koubai {near}") if near else more
            return KoubaiError(say("cli.usage.command", name=name), expected=", ".join(commands), hint=hint)
        case UnknownOptionError():
            name = error.token.keyword or error.token.value
            known = [flag for argument in error.argument_collection for flag in argument.names]
            near = nearest(name, known)
            hint = say("cli.usage.nearest", name=near) if near else more
            return KoubaiError(say("cli.usage.option", name=name), hint=hint)
        case MissingArgumentError() if error.argument is not None:
            return KoubaiError(
                say("cli.usage.missing", name=error.argument.name.lstrip("-").upper()), hint=more
            )
        case CoercionError() if error.argument is not None and error.token is not None:
            return KoubaiError(
                say("cli.usage.value", name=error.argument.name), got=error.token.value, hint=more
            )
        case UnusedCliTokensError() if error.unused_tokens:
            return KoubaiError(
                say("cli.usage.unused"), got=" ".join(map(str, error.unused_tokens)), hint=more
            )
    return KoubaiError(str(error), hint=more)
