"""How a command fails: once, without a traceback, in the reader's language, with a code a script can test.

| code | meaning                                                    |
|------|------------------------------------------------------------|
| 0    | done                                                       |
| 1    | koubai itself failed: a bug, reported with its traceback   |
| 2    | what was asked for cannot be done as asked                 |
| 130  | stopped by Ctrl-C                                          |
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from koubai.cli.output import console, print_json, style
from koubai.cli.streams import INTERRUPTED
from koubai.core.errors import ConfigError, KoubaiError, ToldElsewhere
from koubai.core.visible import visible
from koubai.words import say
from koubai.words.phrase import told
from koubai.words.system import advice, reason

USER_ERROR = 2
_KOUBAI = Path(__file__).parents[1]


def fail(error: Exception) -> int:
    """Print what went wrong and return the exit code."""
    if isinstance(error, ToldElsewhere):
        return USER_ERROR
    facts = error_facts(error)
    if style.json:
        print_json({"error": facts})
    else:
        print(visible(_text(facts)), file=sys.stderr)
    return USER_ERROR


def interrupted() -> int:
    """Print that Ctrl-C ended the command and return the exit code."""
    console(stderr=True).print(say("cli.error.interrupted"))
    return INTERRUPTED


@contextmanager
def warnings_in_words() -> Iterator[None]:
    """Show what koubai warns of as one line, without the place in its source; others warn as ever."""
    usual = warnings.showwarning

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if category is UserWarning and Path(filename).is_relative_to(_KOUBAI):
            print(visible(f"{say('cli.error.warning')}: {message}"), file=sys.stderr)
        else:
            usual(message, category, filename, lineno, file, line)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def error_facts(error: Exception) -> dict[str, Any]:
    """Return an error as plain values: message, where, expected, got, hint, problems."""
    if isinstance(error, ConfigError):
        problems = [
            {"path": p.path, "line": p.line, "message": _told(p.message), "hint": _told(p.hint)}
            for p in error.problems
        ]
        message = say("cli.error.problems", count=len(problems))
        return {"message": message, "where": _told(error.where), "problems": problems}
    if isinstance(error, KoubaiError):
        texts = {name: getattr(error, name) for name in ("message", "where", "expected", "got", "hint")}
        return {name: _told(text) for name, text in texts.items()}
    if isinstance(error, OSError):
        where = None if error.filename is None else str(error.filename)
        return {"message": _told(reason(error)), "where": where, "hint": _told(advice(error))}
    kind = "memory" if isinstance(error, MemoryError) else "recursion"  # what main() catches beside
    return {"message": say(f"cli.error.{kind}"), "hint": say(f"cli.error.{kind}_hint")}


def _told(text: object) -> str | None:
    """Return a part of an error in the reader's language."""
    return None if text is None else told(text)


def _text(facts: dict[str, Any]) -> str:
    known = [name for name in ("where", "expected", "got", "hint") if facts.get(name)]
    lines = [
        f"{say('cli.error.error')}: {facts['message']}",
        *(f"  {say(f'cli.error.{name}')}: {facts[name]}" for name in known),
    ]
    for problem in facts.get("problems", ()):
        place = say("cli.error.line", line=problem["line"]) + "  " if problem["line"] else ""
        path = f"{problem['path']}: " if problem["path"] else ""
        lines.append(f"  {place}{path}{problem['message']}")
        if problem["hint"]:
            lines.append(f"      {say('cli.error.hint')}: {problem['hint']}")
    return "\n".join(lines)
