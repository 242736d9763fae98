"""How an experiment that has not run yet shows itself in a notebook: what it asks, and what it compares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from koubai.core.markup import block, paragraph, table
from koubai.lab.declare.measures import MeasureName
from koubai.words import say

if TYPE_CHECKING:  # an experiment shows itself by this module
    from koubai.lab.declare.experiment import Experiment

_MOST_ARMS = 40


def experiment_html(experiment: Experiment) -> str:
    """Return the question, the arms with their edits, seeds and measure."""
    rows = [(say("report.axis.arm"), say("lab.notebook.edits"))]
    for arm in experiment.arms[:_MOST_ARMS]:
        edits = ", ".join(f"{path} = {value}" for path, value in arm.edits.items()) or "–"
        rows.append((arm.title(), edits))
    more = len(experiment.arms) - _MOST_ARMS
    facts = say(
        "lab.notebook.facts",
        arms=len(experiment.arms),
        seeds=len(experiment.seeds),
        measure=MeasureName(experiment.measure).say(),
    )
    return block(
        paragraph(experiment.question.say() or experiment.name, strong=True),
        table(rows),
        paragraph(say("lab.notebook.more", count=more)) if more > 0 else "",
        paragraph(facts),
    )
