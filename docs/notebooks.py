"""Executes the notebooks of gallery/ and writes a page of each in every language, and a file for Jupyter.

A source is Python in cells that begin with `# %%`. A cell `# %% en` or `# %% ja` is text in comments; its
first line is a heading. A cell of code is executed once, and what its last line gives is shown as a notebook
shows it, in each language. Nothing that comes out is kept in the repository.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from pages import home, write

from koubai.words import LANGUAGES, set_language

SOURCES = Path(__file__).parent / "gallery"
_TITLES = {"en": "Notebooks", "ja": "ノートブック集"}
_INTRO = {
    "en": "Notebooks, executed when these pages were built. Each can be downloaded and run.",
    "ja": "このページを作るときに実行したノートブックです。ダウンロードして自分でも動かせます。",
}
_FILE = {"en": "As a file for Jupyter", "ja": "Jupyter 用のファイル"}


@dataclass(frozen=True)
class Cell:
    """One cell: `kind` is a language, for text, or "code"."""

    kind: str
    text: str


def read(source: str) -> list[Cell]:
    """Return the cells of a source."""
    cells = []
    for part in re.split(r"^# %%", source, flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        kind = head.strip() or "code"
        text = body.strip()
        if kind in LANGUAGES:
            text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in text.splitlines())
        cells.append(Cell(kind, text))
    return cells


def execute(cells: list[Cell]) -> list[dict[str, str]]:
    """Execute the code, in order; return of each cell what it shows, as HTML by language."""
    names: dict[str, Any] = {"__name__": "__main__"}
    return [_shown(cell.text, names) if cell.kind == "code" else {} for cell in cells]


def page(cells: list[Cell], shown: list[dict[str, str]], lang: str, name: str) -> str:
    """Return the Markdown of a page in one language."""
    parts = []
    for cell, html in zip(cells, shown, strict=True):
        if cell.kind == lang:
            parts.append(cell.text)
        elif cell.kind == "code":
            parts.append(f"```python\n{cell.text}\n```")
            if html:
                parts.append(f'```{{raw}} html\n<div class="notebook-output">{html[lang]}</div>\n```')
    return "\n\n".join([*parts, f"{{download}}`{_FILE[lang]} <{name}.{lang}.ipynb>`"]) + "\n"


def notebook(cells: list[Cell], lang: str) -> str:
    """Return a file for Jupyter in one language, not executed."""
    made: list[dict[str, Any]] = []
    for i, cell in enumerate(cells):
        if cell.kind not in (lang, "code"):
            continue
        common = {"id": f"cell-{i}", "metadata": {}, "source": cell.text.splitlines(keepends=True)}
        code = {"cell_type": "code", "execution_count": None, "outputs": []}
        made.append(common | (code if cell.kind == "code" else {"cell_type": "markdown"}))
    return json.dumps(
        {
            "cells": made,
            "metadata": {"language_info": {"name": "python"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        },
        ensure_ascii=False,
        indent=1,
    )


def write_notebooks(root: Path, sources: Path = SOURCES) -> None:
    """Write a page of every source in every language, its file for Jupyter, and an index a language."""
    titles: dict[str, dict[str, str]] = {lang: {} for lang in LANGUAGES}
    for source in sorted(sources.glob("*.py")):
        cells = read(source.read_text(encoding="utf-8"))
        shown = execute(cells)
        for lang in LANGUAGES:
            write(home(lang, root) / "gallery" / f"{source.stem}.md", page(cells, shown, lang, source.stem))
            write(root / "gallery" / f"{source.stem}.{lang}.ipynb", notebook(cells, lang))
            titles[lang][source.stem] = next(cell.text for cell in cells if cell.kind == lang).splitlines()[0]
    for lang in LANGUAGES:
        listed = "\n".join(f"- [{title.lstrip('# ')}]({name}.md)" for name, title in titles[lang].items())
        tree = "\n".join(titles[lang])
        text = f"# {_TITLES[lang]}\n\n{_INTRO[lang]}\n\n{listed}\n\n```{{toctree}}\n:hidden:\n\n{tree}\n```\n"
        write(home(lang, root) / "gallery" / "index.md", text)


def _shown(code: str, names: dict[str, Any]) -> dict[str, str]:
    """Execute one cell; return what its last line gives, if that is an expression."""
    tree = ast.parse(code)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(compile(tree, "<cell>", "exec"), names)
        if last is None:
            return {}
        value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
    found = {}
    for lang in LANGUAGES:
        set_language(lang)
        try:
            made = (
                value._repr_html_() if hasattr(value, "_repr_html_") else f"<pre>{escape(repr(value))}</pre>"
            )
        finally:
            set_language(None)
        found[lang] = re.sub(r"\n(?=\s*\n)", "\n&#8203;", made)
    return found
