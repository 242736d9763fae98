"""Where the pages that are made from the source lie, in each language, and how they are written."""

from __future__ import annotations

from pathlib import Path

GENERATED = Path(__file__).parent / "generated"


def home(lang: str, root: Path = GENERATED) -> Path:
    """Return the folder of a language's pages; the English ones lie where Sphinx looks for all."""
    return root if lang == "en" else root / lang


WRITTEN: set[Path] = set()
"""The files that `write` was asked for in this process."""


def write(path: Path, text: str) -> None:
    """Leave a file that is right already, so that an unchanged build stays quick."""
    WRITTEN.add(path)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def clear(root: Path = GENERATED) -> None:
    """Delete pages that an earlier version wrote and this one did not: Sphinx would still read them."""
    for path in root.rglob("*.md"):
        if path not in WRITTEN and root / "runs" not in path.parents:
            path.unlink()
