"""The command line: a table of commands, each imported when it is called, and the options of all of them."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from koubai.cli import streams
from koubai.cli.output import console, style
from koubai.core.errors import KoubaiError
from koubai.core.file_names import can_be_a_name
from koubai.core.memory import allowing
from koubai.words import LANGUAGES, say, set_language

if TYPE_CHECKING:
    from cyclopts import App

# name -> (function, its line in `koubai --help`). One file a command; a new command is one line here.
COMMANDS = {
    "run": ("koubai.cli.commands.run:run", "lab.command.run"),
    "demo": ("koubai.cli.commands.demo:demo", "lab.command.demo"),
    "new": ("koubai.cli.commands.new:new", "lab.command.new"),
    "check": ("koubai.cli.commands.check:check", "lab.command.check"),
    "course": ("koubai.cli.commands.course:course", "lab.command.course"),
    "doctor": ("koubai.cli.commands.doctor:doctor", "doctor.command.doctor"),
    "mcp": ("koubai.cli.commands.mcp:mcp", "mcp.command"),
    "explain": ("koubai.cli.commands.explain:explain", "doctor.command.explain"),
    "quiz": ("koubai.cli.commands.quiz:quiz", "study.quiz.command"),
    "serve": ("koubai.cli.commands.serve:serve", "page.command.serve"),
    "lesson": ("koubai.cli.commands.lesson:lesson", "page.command.lesson"),
    "train": ("koubai.cli.commands.train:train", "cli.command.train"),
    "resume": ("koubai.cli.commands.resume:resume", "cli.command.resume"),
    "verify": ("koubai.cli.commands.verify:verify", "cli.command.verify"),
    "report": ("koubai.cli.commands.report:report", "report.command.report"),
    "compare": ("koubai.cli.commands.compare:compare", "report.command.compare"),
    "export": ("koubai.cli.commands.export:export", "report.command.export"),
    "import": ("koubai.cli.commands.import_:import_", "cli.command.import"),
    "models": ("koubai.cli.commands.models:models", "cli.command.models"),
    "check-gradient": ("koubai.cli.commands.check_gradient:check_gradient", "cli.command.check_gradient"),
    "summary": ("koubai.cli.commands.summary:summary", "cli.command.summary"),
    "bench": ("koubai.cli.commands.bench:bench", "cli.command.bench"),
    "schema": ("koubai.cli.commands.schema:schema", "cli.command.schema"),
    "parts": ("koubai.cli.commands.parts:parts", "cli.command.parts"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code (see koubai.cli.failures)."""
    from koubai.cli.failures import fail, interrupted, warnings_in_words

    if arguments is None:
        streams.prepare()
    atexit.register(gc.freeze)  # or Python seeks garbage among all that libraries made, before it ends
    try:
        words = _take_globals(list(sys.argv[1:] if arguments is None else arguments))
        with warnings_in_words(), allowing(style.allow_memory):
            code = _run(words)
        if arguments is None and (lost := streams.failure()) is not None:
            return fail(lost) or code
        return code
    except KeyboardInterrupt:
        return interrupted()
    except (KoubaiError, OSError, MemoryError, RecursionError) as error:
        return fail(error)


def _run(words: list[str]) -> int:
    from cyclopts import CycloptsError

    from koubai.cli.usage import usage_error

    app = _app()
    try:
        code = app(
            words, console=console(), print_error=False, exit_on_error=False, result_action="return_value"
        )
    except CycloptsError as error:
        command = words[0] if words and words[0] in COMMANDS else None
        raise usage_error(error, command, {name: target for name, (target, _) in COMMANDS.items()}) from None
    return code if isinstance(code, int) else 0


def _app() -> App:
    from cyclopts import App, Group

    from koubai import __version__
    from koubai.cli.help import HelpFormatter

    parameters = Group(say("cli.help.parameters"))
    app = App(
        name="koubai",
        help=say("cli.help.top"),
        help_epilogue=say("cli.help.everywhere"),
        help_format="plaintext",
        help_formatter=HelpFormatter(style.plain),
        version=__version__,
        suppress_keyboard_interrupt=False,
        group_commands=Group(say("cli.help.commands")),
        group_arguments=parameters,
        group_parameters=parameters,
    )
    app["--help"].help, app["--version"].help = say("cli.help.help"), say("cli.help.version")
    for position, (name, (target, line)) in enumerate(COMMANDS.items()):
        app.command(target, name=name, help=say(line), sort_key=position)
    return app


def _take_globals(words: list[str]) -> list[str]:
    """Take the options of all commands out of a command line, wherever they stand before a lone `--`."""
    style.json = style.plain = style.allow_memory = False
    set_language(None)
    if (environment := os.environ.get("KOUBAI_LANG")) and environment not in LANGUAGES:
        set_language("en")
    rest: list[str] = []
    queue = iter(words)
    for word in queue:
        name, _, value = word.partition("=")
        if not can_be_a_name(word):
            raise KoubaiError("not_a_file_name", where=repr(word))
        if word == "--":
            rest += [word, *queue]
        elif word == "--json":
            style.json = True
        elif word == "--plain":
            style.plain = True
        elif word == "--allow-memory":
            style.allow_memory = True
        elif name == "--lang":
            _set_language(value or next(queue, ""))
        else:
            rest.append(word)
    return rest


def _set_language(name: str) -> None:
    if name not in LANGUAGES:
        raise KoubaiError("no_language", name=name, expected=" | ".join(LANGUAGES))
    set_language(name)


if __name__ == "__main__":
    sys.exit(main())
