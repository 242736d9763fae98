"""Help pages in the reader's language: the words that the parser of command lines has in English only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cyclopts.help import DefaultFormatter, InlineText, PlainFormatter
from rich.text import Text

from koubai.words import say

if TYPE_CHECKING:
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console, ConsoleOptions

_NOTHING = ("False", '""', "None")  # defaults that tell a reader nothing


@dataclass(frozen=True)
class HelpFormatter:
    """Shows help as the parser's own formatters do, with every word from the catalog."""

    plain: bool = False

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
        """Show a table of commands or of options."""
        entries = [_in_words(entry) for entry in panel.entries]
        self._own(console, options, panel.copy(entries=entries))

    def render_usage(self, console: Console, options: ConsoleOptions, usage: Any) -> None:
        """Show the line with the command and its arguments."""
        if usage:
            console.print(Text(f"{say('cli.help.usage')}: {usage}", "" if self.plain else "bold"))

    def render_description(self, console: Console, options: ConsoleOptions, description: Any) -> None:
        """Show what the command does."""
        self._own.render_description(console, options, description)

    @property
    def _own(self) -> PlainFormatter | DefaultFormatter:
        return PlainFormatter() if self.plain else DefaultFormatter()


def _in_words(entry: HelpEntry) -> HelpEntry:
    """Return an entry whose description tells what the parser would add in English."""
    facts = " ".join(f"[{fact}]" for fact in _facts(entry))
    if facts and isinstance(entry.description, InlineText):
        entry.description.append(Text(facts, "dim"))
    return entry.copy(choices=None, env_var=None, default=None, required=False)


def _facts(entry: HelpEntry) -> Iterator[str]:
    if entry.choices:
        yield say("cli.help.choices", names=", ".join(entry.choices))
    if entry.env_var:
        yield say("cli.help.variable", names=", ".join(entry.env_var))
    if entry.default is not None and entry.default not in _NOTHING:
        yield say("cli.help.default", value=entry.default)
    if entry.required:
        yield say("cli.help.required")
