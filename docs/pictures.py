"""Turns the pictures and tables of the reports into HTML for the documentation's pages."""

from __future__ import annotations

import json
from html import escape

from koubai.report.drawing import Drawing
from koubai.report.picture import Picture, Table

_NUMBERS = {"en": "The numbers", "ja": "数値"}


def picture(content: Picture, lang: str) -> str:
    """Return a picture: its sentence, its panels, how to read them, and the numbers behind them.

    `_static/pictures.js` draws the panels; without scripts the sentence and the numbers remain.
    """
    panels = "".join(
        "<div>"
        + (f'<p class="panel-title">{escape(panel.title)}</p>' if panel.title else "")
        + f'<div class="plot" role="img" aria-label="{escape(content.summary)}">'
        f'<script type="application/json">{_json(panel.figure)}</script></div></div>'
        for panel in content.panels
    )
    wide = " wide" if len(content.panels) == 1 else ""
    note = f'<p class="note">{escape(content.note)}</p>' if content.note else ""
    return (
        f'<figure class="picture">\n<p>{escape(content.summary)}</p>\n'
        f'<div class="panels{wide}">{panels}</div>\n{note}\n'
        f"<details><summary>{_NUMBERS[lang]}</summary>{table(content.table)}</details>\n</figure>"
    )


def table(content: Table) -> str:
    """Return a table; the columns of words stand left, those of numbers right."""
    words = content.headings + content.text
    head = "".join(
        f'<th scope="col"{_left(i < words)}>{escape(name)}</th>' for i, name in enumerate(content.columns)
    )
    rows = "".join(
        f"<tr>{''.join(_cell(cell, i, content.headings, words) for i, cell in enumerate(row))}</tr>\n"
        for row in content.rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table class="docutils"><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{rows}</tbody></table></div>"
    )


def _cell(text: str, i: int, headings: int, words: int) -> str:
    if i < headings:
        return f'<th scope="row" class="text">{escape(text)}</th>'
    return f"<td{_left(i < words)}>{escape(text)}</td>"


def _left(wanted: bool) -> str:
    return ' class="text"' if wanted else ""


def _json(figure: Drawing) -> str:
    """Return a figure, safe inside a script element."""
    return json.dumps(figure.plain(), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
