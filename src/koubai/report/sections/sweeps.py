"""Where a factor is a number: measures against it, and regularization paths against a penalty's strength."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from koubai.core.layer import LAYERS
from koubai.core.params import Array
from koubai.lab.conclude.result import ArmSummary, ExperimentResult
from koubai.lab.declare.experiment import Arm
from koubai.lab.declare.measures import factor_name
from koubai.report.arms import numeric_axis, views
from koubai.report.figures.regularization_paths import RegularizationPath, regularization_paths
from koubai.report.figures.sweep import Sweep, sweep
from koubai.report.palette import style
from koubai.report.picture import Picture
from koubai.report.series import interval_of_mean, stack
from koubai.words import say

_NORMS = ("weight_norm", "bias_norm")


def sweeps(result: ExperimentResult, measures: Sequence[str]) -> list[Picture]:
    """Return a picture a measure: a line for each combination of the factors that are no numbers."""
    axis = numeric_axis(result.experiment.arms)
    if axis is None:
        return []
    lines = _lines(result, axis)
    name = factor_name(axis)
    pictures = []
    for measure in measures:
        drawn = [
            replace(_sweep(result, arms, axis, measure), title=title, style=style(i))
            for i, (title, arms) in enumerate(lines.items())
        ]
        if any(np.isfinite(line.mean).any() for line in drawn):
            pictures.append(sweep(drawn, name, measure))
    return pictures


def regularization(result: ExperimentResult) -> list[Picture]:
    """Return the norms against the strength of every penalty that was tried at several strengths."""
    axis = numeric_axis(result.experiment.arms)
    penalized = any(_penalizes(arm) for arm in result.experiment.arms)
    if axis is None or not penalized:
        return []
    paths, free = [], None
    for title, arms in _lines(result, axis).items():
        levels = np.array([float(arm.factors[axis]) for arm in arms])
        weights, biases = (_means(result, arms, measure) for measure in _NORMS)
        if not levels.any():
            free = float(weights[0])
        elif np.isfinite(weights).sum() > 1 and all(_penalizes(arm) for arm in arms):
            paths.append(RegularizationPath(title, levels, weights, biases))
    found = [replace(path, free=free) for path in paths]
    return [regularization_paths(found)] if found else []


def _penalizes(arm: Arm) -> bool:
    return any("penalties" in path.split(".") for path in arm.edits)


def rates(result: ExperimentResult) -> list[Picture]:
    """Return a picture a network: accuracy against the learning rate, for plans that try many of them."""
    plan = result.experiment.base
    if not hasattr(plan, "rates"):
        return []
    pictures = []
    for network in plan.activations:
        lines = []
        for view in views(result.experiment.arms):
            seeds = stack([run.history for run in result.of(view.name)], "val_accuracy", network)[1]
            if seeds.size:
                low, high = interval_of_mean(seeds)
                levels = np.array(plan.rates)
                lines.append(Sweep(view.title, view.style, levels, seeds.mean(axis=0), low, high, seeds.T))
        if lines:
            title = say("report.rates.title", network=LAYERS[network].__name__)
            drawn = sweep(lines, factor_name("learning rate"), "val_accuracy")
            pictures.append(replace(drawn, name=f"rates-{network}", title=title))
    return pictures


def _lines(result: ExperimentResult, axis: str) -> dict[str, list[Arm]]:
    """Return the arms that have runs by their other factors, in order of the number."""
    lines: dict[str, list[Arm]] = {}
    for arm in result.experiment.arms:
        if result.of(arm.name):
            rest = say("lab.counts.comma").join(arm.level(name) for name in arm.factors if name != axis)
            lines.setdefault(rest, []).append(arm)
    return {title: sorted(arms, key=lambda arm: float(arm.factors[axis])) for title, arms in lines.items()}


def _means(result: ExperimentResult, arms: Sequence[Arm], measure: str) -> Array:
    found = [result.summary(arm.name, measure) for arm in arms]
    return np.array([summary.mean if summary else np.nan for summary in found])


def _sweep(result: ExperimentResult, arms: Sequence[Arm], axis: str, measure: str) -> Sweep:
    """Return one line; a level at which no run gave a number stays, as NaN."""
    found: list[ArmSummary | None] = [result.summary(arm.name, measure) for arm in arms]
    seeds = np.full((len(arms), max(summary.n if summary else 0 for summary in found)), np.nan)
    ends = np.full((len(arms), 2), np.nan)
    for row, end, summary in zip(seeds, ends, found, strict=True):
        if summary:
            row[: summary.n] = list(summary.values.values())
            if summary.interval is not None:
                end[:] = summary.interval.low, summary.interval.high
    return Sweep(
        title="",
        style=style(0),
        levels=np.array([float(arm.factors[axis]) for arm in arms]),
        mean=_means(result, arms, measure),
        low=ends[:, 0],
        high=ends[:, 1],
        seeds=seeds,
    )
