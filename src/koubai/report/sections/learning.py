"""How it learned: the curves of the measures that were recorded while training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from koubai.lab.conclude.result import ExperimentResult
from koubai.report.arms import ranked
from koubai.report.figures.learning_curves import learning_curves
from koubai.report.page import Section
from koubai.report.picture import MOST_PANELS, Picture, of_many, thin
from koubai.report.series import Curve, stack
from koubai.words import say

_PARTS = ("test_accuracy", "train_accuracy", "val_accuracy", "train_loss", "test_loss")
QUANTITIES = (*_PARTS, "distance", "loss")
_ACCURACIES = ("test_accuracy", "val_accuracy")


def learning_section(result: ExperimentResult) -> Section:
    """Return one picture a measure: losses of the test part and of batches only for want of others."""
    recorded = {name for run in result.runs for path, name in run.history.names if path == ""}
    pictures = [_picture(result, name) for name in chosen(recorded)]
    return Section("learning", say("report.section.learning"), pictures=tuple(pictures))


def chosen(recorded: set[str]) -> list[str]:
    """Return the quantities worth a picture, in reading order.

    >>> chosen({"loss", "train_loss", "test_loss", "train_accuracy", "test_accuracy"})
    ['test_accuracy', 'train_accuracy', 'train_loss']
    >>> chosen({"loss"})
    ['loss']
    """
    found = [name for name in QUANTITIES if name in recorded]
    if any(name in recorded for name in _ACCURACIES):
        found = [name for name in found if name != "test_loss"]
    return [name for name in found if name != "loss"] or found


def _picture(result: ExperimentResult, quantity: str) -> Picture:
    panels: list[tuple[str, Sequence[Curve]]] = []
    for group in ranked(result):
        curves = []
        for view in group.arms:
            steps, values = stack([run.history for run in result.of(view.name)], quantity)
            if steps.size and np.isfinite(values).any():
                curves.append(Curve(view.title, view.short, view.style, steps, values))
        if curves:
            panels.append((group.title, curves))
    shown = [panels[i] for i in _with_the_ends(panels)]
    return of_many(learning_curves(shown, quantity), len(panels))


def _with_the_ends(panels: Sequence[tuple[str, Sequence[Curve]]]) -> list[int]:
    """Return which panels are drawn: as many as a picture holds, both ends among them."""
    if len(panels) <= MOST_PANELS:
        return list(range(len(panels)))
    ends = [(curve.last, i) for i, (_, curves) in enumerate(panels) for curve in curves]
    known = [end for end in ends if np.isfinite(end[0])]
    must = {i for _, i in (min(known), max(known))} if known else set()
    for limit in range(MOST_PANELS, 1, -1):
        found = must | set(thin(len(panels), limit))
        if len(found) <= MOST_PANELS:
            return sorted(found)
    return sorted(must)
