"""How a run shows itself in a notebook, while it trains and afterwards, in plain HTML."""

from __future__ import annotations

import sys
from typing import Any

from koubai.core.markup import block, curves, paragraph, table
from koubai.network.summary import table_rows
from koubai.probes.history import History
from koubai.train.sentences import ended, matrices, measure_rows, score_rows
from koubai.train.train import Run
from koubai.words import say


def run_html(run: Run, findings: str = "") -> str:
    """Return findings (if they are given), how a run ended, its scores, its loss and its layers."""
    layers = table(table_rows(run.session.network), right=(3, 4))
    scores = table(score_rows(run.scores), right=(1, 2, 3))
    measured = measure_rows(run.scores)
    scores += table(measured, right=range(1, len(measured[0]))) if measured else ""
    for sentence, rows in matrices(run.scores, run.preparation.class_names):
        scores += paragraph(sentence) + (table(rows, right=range(1, len(rows[0]))) if rows else "")
    return block(findings, paragraph(ended(run)), scores, loss_curve(run.history), layers)


def loss_curve(history: History) -> str:
    """Return the loss over updates, with its ends in words; "" where it was not seen twice."""
    steps, losses = history.series("loss")
    first, last = (float(losses[0]), float(losses[-1])) if len(losses) else (0.0, 0.0)
    title = say("train.curve.title", first=first, last=last, steps=int(steps[-1]) if len(steps) else 0)
    lines = {say("train.column.loss"): (steps, losses)}
    return curves(lines, say("train.curve.steps"), say("train.column.loss"), title)


def display_here() -> Any:
    """Return a place in the output of a notebook's running cell that can be painted again, else None.

    It has `update(html)`. In a saved notebook it shows what was painted last.
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None or getattr(shell, "kernel", None) is None:
        return None
    from IPython.display import HTML, display

    handle = display(HTML(""), display_id=True)
    return None if handle is None else _Place(handle, HTML)


class _Place:
    def __init__(self, handle: Any, kind: Any) -> None:
        self._handle, self._kind = handle, kind

    def update(self, html: str) -> None:
        self._handle.update(self._kind(html))
