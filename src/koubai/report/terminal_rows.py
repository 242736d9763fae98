"""The rows of the terminal's table: one per arm, as far as its runs are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from koubai.core import statistics
from koubai.lab.declare.experiment import Arm, Experiment
from koubai.lab.declare.measures import interval_of
from koubai.lab.perform.gradients import at_start
from koubai.lab.perform.run_result import RunResult

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class ArmRow:
    """One arm as far as its runs are known: median gradient by layer, score, how the runs ended."""

    arm: Arm
    made: int
    wanted: int
    gradients: Mapping[str, float] = field(default_factory=dict)
    score: float | None = None
    interval: statistics.Interval | None = None
    collapsed: int = 0
    lost: int = 0


def rows(experiment: Experiment, runs: Sequence[RunResult]) -> list[ArmRow]:
    """Return one row per arm, in the order of the experiment."""
    found = []
    for arm in experiment.arms:
        own = [run for run in runs if run.arm == arm.name]
        scores = [run.scores.get(experiment.measure, float("nan")) for run in own]
        known = [score for score in scores if isfinite(score)]
        found.append(
            ArmRow(
                arm=arm,
                made=len(own),
                wanted=len(experiment.seeds),
                gradients=_gradients(own),
                score=statistics.mean(known) if known else None,
                interval=interval_of(experiment.measure, known),
                collapsed=sum(run.collapsed for run in own),
                lost=len(own) - len(known),
            )
        )
    return found


def _gradients(runs: Sequence[RunResult]) -> dict[str, float]:
    sizes = [found for run in runs if (found := at_start(run.history))]
    paths = sizes[0] if sizes else ()
    return {path: float(np.median([size.get(path, np.nan) for size in sizes])) for path in paths}
