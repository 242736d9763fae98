"""Writes the pages of the documentation that are made from the source."""

from __future__ import annotations

from pathlib import Path


def write(path: Path, text: str) -> None:
    """Leave a file that is right already, so that an unchanged build stays quick."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
