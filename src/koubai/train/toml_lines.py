"""On which line of a TOML text every key stands. The standard parser tells values but not places."""

from __future__ import annotations

import re
import tomllib

KeyPath = tuple[str | int, ...]  # ("network", "layers", 2, "kernel")

_BLANK = re.compile(r"[ \t\r\n]*(?:#[^\n]*\n?[ \t\r\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|' r"'''.*?'{3,5}|" r'"(?:\\.|[^"\\\n])*"|' r"'[^'\n]*'", re.DOTALL
)
_SCALAR = re.compile(r"[^,\]}#\r\n]+")


def lines_of(text: str) -> dict[KeyPath, int]:
    """Return the line (from 1) of every key, table and array element of a text that tomllib accepts."""
    return _Scanner(text).document()


class _Scanner:
    """Walks through valid TOML once, from left to right; what is not a place is skipped."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line, self._counted = 1, 0
        self.found: dict[KeyPath, int] = {}
        self.lengths: dict[KeyPath, int] = {}  # of arrays of tables

    def document(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self.blank():
            if self.text.startswith("[[", self.at):
                table = self.header(2)
                position = self.lengths.get(table, 0)
                self.lengths[table] = position + 1
                table = (*table, position)
                self.note(table)
                self.at += 2
            elif self.text[self.at] == "[":
                table = self.header(1)
                self.note(table)
                self.at += 1
            else:
                self.pair(table)
        return self.found

    def blank(self) -> bool:
        """Skip space, line ends and comments; return whether anything is left."""
        self.take(_BLANK)
        return self.at < len(self.text)

    def take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise ValueError(f"not TOML at {self.text[self.at : self.at + 20]!r}")
        self.at = match.end()
        return match.group()

    def note(self, place: KeyPath) -> None:
        """Write down that a place stands here, and the tables that its dotted name opened."""
        self.line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        for length in range(1, len(place) + 1):
            self.found.setdefault(place[:length], self.line)

    def header(self, brackets: int) -> KeyPath:
        """Read the name in [a.b] or [[a.b]]; names of arrays of tables mean their latest element."""
        self.at += brackets
        *parents, last = self.dotted()
        place: KeyPath = ()
        for name in parents:
            place = self.latest((*place, name))
        return (*place, last) if brackets == 2 else self.latest((*place, last))

    def latest(self, place: KeyPath) -> KeyPath:
        return (*place, self.lengths[place] - 1) if place in self.lengths else place

    def dotted(self) -> list[str]:
        names = [self.key()]
        while self.blank() and self.text[self.at] == ".":
            self.at += 1
            names.append(self.key())
        return names

    def key(self) -> str:
        self.blank()
        if self.text[self.at] in "\"'":
            quoted = self.take(_STRING)
            return str(tomllib.loads(f"key = {quoted}")["key"])
        return self.take(_BARE_KEY)

    def pair(self, table: KeyPath) -> None:
        place = (*table, *self.dotted())
        self.note(place)
        self.at += 1  # the equals sign
        self.value(place)

    def value(self, place: KeyPath) -> None:
        self.blank()
        match self.text[self.at]:
            case "[":
                self.array(place)
            case "{":
                self.inline_table(place)
            case '"' | "'":
                self.take(_STRING)
            case _:
                self.take(_SCALAR)

    def array(self, place: KeyPath) -> None:
        self.at += 1
        position = 0
        while self.blank() and self.text[self.at] != "]":
            self.note((*place, position))
            self.value((*place, position))
            position += 1
            self.comma()
        self.at += 1

    def inline_table(self, place: KeyPath) -> None:
        self.at += 1
        while self.blank() and self.text[self.at] != "}":
            self.pair(place)
            self.comma()
        self.at += 1

    def comma(self) -> None:
        if self.blank() and self.text[self.at] == ",":
            self.at += 1
