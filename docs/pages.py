"""Where the pages that are made from the source lie, in each language, and how they are written."""

from __future__ import annotations

from pathlib import Path

GENERATED = Path(__file__).parent / "generated"


def home(lang: str, root: Path = GENERATED) -> Path:
    """Return the folder of a language's pages; the English ones lie where Sphinx looks for all."""
    return root if lang == "en" else root / lang


def write(path: Path, text: str) -> None:
    """Leave a file that is right already, so that an unchanged build stays quick."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
