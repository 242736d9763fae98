"""can_be_a_name: whether a file can have a name at all."""

from __future__ import annotations

import os


def can_be_a_name(text: str) -> bool:
    """Return whether a file can have such a name: no NUL, no half of a pair of surrogates."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False
