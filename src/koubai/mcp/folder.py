"""What an agent names must lie below the folder that the person gave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from koubai.core.errors import KoubaiError
from koubai.words import say

_LONGEST = 4096  # characters of a path


def below(root: Path, name: str) -> Path:
    """Return the path of what is there under this name, links followed.

    Raises:
        KoubaiError: nothing is there, or it lies elsewhere.
    """
    if "\0" in name or len(name) > _LONGEST:
        raise KoubaiError(say("mcp.no_name"), where=repr(name[:100]))
    home = root.resolve()
    try:
        found = (home / name).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        raise KoubaiError(say("mcp.missing"), where=name, expected=str(home)) from None
    if not found.is_relative_to(home):
        raise KoubaiError(say("mcp.outside"), where=name, expected=str(home))
    return found


def check_data(root: Path, plain: Any) -> None:
    """Refuse data that a recipe would read from elsewhere; `plain` is a recipe as plain values."""
    for name in _paths(plain):
        below(root, name)


def _paths(plain: Any) -> Iterator[str]:
    """Yield every `path` in plain values, and every value for a dotted path that ends so."""
    if isinstance(plain, dict):
        for key, value in plain.items():
            if isinstance(value, str) and str(key).rpartition(".")[2] == "path":
                yield value
            yield from _paths(value)
    elif isinstance(plain, list | tuple):
        for value in plain:
            yield from _paths(value)
