"""Few: the first of many names in a sentence, which says that there are more."""

from __future__ import annotations

from collections.abc import Sequence


def few(names: Sequence[str], most: int) -> str:
    """Return at most so many names, and dots where some are left out.

    >>> few(["a", "b"], 2), few(["a", "b", "c"], 2)
    ('a, b', 'a, b, ...')
    """
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
