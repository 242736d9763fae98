"""The rows of the terminal's table: one per arm, as far as its runs are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

import numpy as np

from koubai.core import statistics
from koubai.lab.declare.experiment import Arm, Experiment
from koubai.lab.declare.measures import interval_of
from koubai.lab.perform.gradients import at_start
from koubai.lab.perform.run_result import RunResult
from koubai.report.crowd import BestAndWorst, ends_of


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


def arm_rows(
    experiment: Experiment, runs: Sequence[RunResult], most: int | None = None
) -> tuple[list[ArmRow], BestAndWorst | None]:
    """Return one row per arm, in the order of the experiment; of more than `most` arms both ends, by rank."""
    own: dict[str, list[RunResult]] = {arm.name: [] for arm in experiment.arms}
    for run in runs:
        if run.arm in own:
            own[run.arm].append(run)
    known = {arm: _known(experiment.measure, made) for arm, made in own.items()}
    arms, ends = {arm.name: arm for arm in experiment.arms}, None
    if most is not None:
        means = {arm: statistics.mean(scores) if scores else float("nan") for arm, scores in known.items()}
        ends = ends_of(means, experiment.measure, most, most // 2)
    listed = arms if ends is None else [*ends.best, *ends.worst]
    return [_row(experiment, arms[name], own[name], known[name]) for name in listed], ends


def _known(measure: str, runs: Sequence[RunResult]) -> list[float]:
    return [score for run in runs if isfinite(score := run.scores.get(measure, float("nan")))]


def _row(experiment: Experiment, arm: Arm, own: Sequence[RunResult], known: Sequence[float]) -> ArmRow:
    return ArmRow(
        arm=arm,
        made=len(own),
        wanted=len(experiment.seeds),
        gradients=_gradients(own),
        score=statistics.mean(known) if known else None,
        interval=interval_of(experiment.measure, known),
        collapsed=sum(run.collapsed for run in own),
        lost=len(own) - len(known),
    )


def _gradients(runs: Sequence[RunResult]) -> dict[str, float]:
    sizes = [found for run in runs if (found := at_start(run.history))]
    paths = sizes[0] if sizes else ()
    return {path: float(np.median([size.get(path, np.nan) for size in sizes])) for path in paths}
