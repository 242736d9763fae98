"""Docstrings as pages show them: paragraphs, formulas and tables, of which the words have Japanese.

`locale/ja/LC_MESSAGES/docstrings.po` holds them as other files there hold the sentences of a page. The first
line of a part is not among them: `koubai.words` has it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator

from languages import catalog

PAGE = "docstrings"


def docstring(cls: type) -> str:
    """Return a class's docstring without its examples."""
    return inspect.cleandoc(cls.__doc__ or "").split("\n>>>")[0].rstrip()


def messages(text: str) -> Iterator[str]:
    """Return the sentences of a docstring: paragraphs on one line each, and what its tables say of names."""
    for block in _blocks(text):
        if _is_table(block):
            head, *rows = _rows(block)
            yield from [*head, *(cell for row in rows for cell in row[1:])]
        elif not block.startswith("    "):
            yield " ".join(block.split())


def told(text: str, lang: str) -> str:
    """Return a docstring in Markdown, in a language; what has no translation stays English."""
    if lang == "en":
        return text
    kept = catalog(PAGE)

    def say(message: str) -> str:
        found = kept.get(message)
        return found.string if found and found.string else message

    return "\n\n".join(_told(block, say) for block in _blocks(text))


def _told(block: str, say: Callable[[str], str]) -> str:
    if _is_table(block):
        head, *rows = _rows(block)
        lines = [map(say, head), ["---"] * len(head), *([row[0], *map(say, row[1:])] for row in rows)]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return block if block.startswith("    ") else say(" ".join(block.split()))


def _blocks(text: str) -> list[str]:
    return [block.strip("\n") for block in re.split(r"\n\s*\n", text) if block.strip()]


def _is_table(block: str) -> bool:
    return block.startswith("|")


def _rows(block: str) -> list[list[str]]:
    """Return the cells of a table; a row whose first cell is empty goes on with the row before."""
    found: list[list[str]] = []
    for line in block.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if set(line) <= set("|-: "):
            continue
        if found and not cells[0]:
            found[-1] = [f"{old} {more}".strip() for old, more in zip(found[-1], cells, strict=True)]
        else:
            found.append(cells)
    return found
