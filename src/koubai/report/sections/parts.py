"""How one run learned: its loss and accuracy on every part of the data."""

from __future__ import annotations

import numpy as np

from koubai.probes.history import History
from koubai.report.figures.learning_curves import learning_curves
from koubai.report.page import Section
from koubai.report.palette import GRAY, Style, style
from koubai.report.picture import thin
from koubai.report.series import Curve
from koubai.words import say

PARTS = ("train", "val", "test")
_BATCHES = 400  # points of the curve of mini-batches


def parts_section(history: History) -> Section:
    """Return accuracy and loss, a curve for each part; the loss of the mini-batches lies behind."""
    pictures = []
    for measure in ("accuracy", *_own(history), "loss"):
        curves = [curve for i, part in enumerate(PARTS) if (curve := _curve(history, part, measure, i))]
        if measure == "loss" and (batches := _batches(history)):
            curves.insert(0, batches)
        if curves:
            pictures.append(learning_curves([("", curves)], measure))
    return Section("learning", say("report.section.learning"), pictures=tuple(pictures))


def _own(history: History) -> list[str]:
    """Return the metrics that were asked for beside loss and accuracy, by name."""
    found = [
        quantity.removeprefix(f"{part}_")
        for part in PARTS
        for quantity in history.quantities("")
        if quantity.startswith(f"{part}_")
    ]
    return [name for name in dict.fromkeys(found) if name not in ("loss", "accuracy")]


def _curve(history: History, part: str, measure: str, i: int) -> Curve | None:
    steps, values = history.series(f"{part}_{measure}")
    name = say(f"report.parts.{part}")
    return Curve(name, name, style(i), steps, values[None, :]) if steps.size else None


def _batches(history: History) -> Curve | None:
    steps, values = history.series("loss")
    if not steps.size:
        return None
    shown = np.array(thin(len(steps), _BATCHES))
    name = say("report.parts.batch")
    return Curve(name, name, Style(GRAY, "dot", "circle"), steps[shown], values[None, shown])
