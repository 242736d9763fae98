"""What is wrong with a TOML text, in the reader's language: a sentence for each of Python's parser."""

from __future__ import annotations

import re
from ast import literal_eval

from koubai.core.errors import Problem
from koubai.words.phrase import Phrase, phrase

_PLACED = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)
_KNOWN = {
    r"Invalid statement": "statement",
    r"Expected newline or end of document after a statement": "newline",
    r"Expected (\"'\"|\"'''\")": "quote",
    r"(?:Found invalid|Illegal) character (.+)": "character",
    r"Cannot declare (.+) twice": "declared",
    r"Cannot overwrite a value": "overwrite",
    r"Expected '\]' at the end of a table declaration": "table",
    r"Expected '\]\]' at the end of an array declaration": "array_of_tables",
    r"Cannot mutate immutable namespace (.+)": "closed",
    r"Cannot redefine namespace (.+)": "again",
    r"Expected '=' after a key in a key/value pair": "equals",
    r"Invalid initial character for a key part": "key",
    r"Unclosed array": "array",
    r"Unclosed inline table": "inline",
    r"Duplicate inline table key (.+)": "twice",
    r"Unescaped '\\' in a string": "escape",
    r"Invalid hex value": "hex",
    r"Escaped character is not a Unicode scalar value": "scalar",
    r"Unterminated string": "string",
    r"Invalid date or datetime": "date",
    r"Invalid value": "value",
    r"(?:hour|minute|second|microsecond) must be in .+": "date",
    r"Exceeds the limit \((\d+) digits\) for integer string conversion.*": "digits",
}
_OF_VALUES = ("statement", "newline", "value", "other")  # where quotes are the likely mistake
_MOST = 60  # characters of a line that are shown


def not_toml(error: ValueError, text: str) -> Problem:
    """Return what is wrong with a text that `tomllib` refused: where it says where, with the line."""
    placed = _PLACED.fullmatch(str(error))
    key, why = _why(placed[1] if placed else str(error))
    hint = phrase("how_toml_is_written") if key in _OF_VALUES else None
    if placed is None:
        return Problem("", phrase("not_toml", why=why), hint=hint)
    lines = text.replace("\r\n", "\n").split("\n")
    if placed[2]:
        number, column = int(placed[2]), int(placed[3])
    else:  # the end of the document: of the last line that has something
        number = next((n for n in range(len(lines), 0, -1) if lines[n - 1].strip()), 1)
        column = len(lines[number - 1]) + 1
    shown = _around(lines[number - 1], column)
    return Problem("", phrase("not_toml_at", why=why, column=column, line=shown), number, hint)


def _why(message: str) -> tuple[str, Phrase]:
    """Return a sentence of the parser as a phrase, and its key; one that is not known stays as it is."""
    for pattern, key in _KNOWN.items():
        if found := re.fullmatch(pattern, message, re.DOTALL):
            what = _name(found[1]) if found.re.groups else ""
            return key, phrase(f"toml.{key}", what=what)
    return "other", phrase("toml.other", what=message)


def _name(written: str) -> str:
    """Return what the parser names: a key's parts with dots between them, a character as Python writes it."""
    try:
        name = literal_eval(written)
    except (ValueError, SyntaxError):
        return written
    return ".".join(map(str, name)) if isinstance(name, tuple) else written


def _around(line: str, column: int) -> str:
    """Return a line, or what stands around a column of a long one.

    >>> _around("  steps = 1,000", 12), len(_around("x" * 500, 300))
    ('steps = 1,000', 62)
    """
    if len(line) <= _MOST:
        return line.strip()
    start = max(0, min(column - _MOST // 2, len(line) - _MOST))
    cut = line[start : start + _MOST]
    return f"{'…' if start else ''}{cut}{'…' if start + _MOST < len(line) else ''}"
