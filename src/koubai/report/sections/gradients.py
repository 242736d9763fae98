"""What the gradients say: their size by layer, arm by arm, and over the whole of training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from koubai.lab.conclude.result import ExperimentResult
from koubai.lab.perform.gradients import FLOW, WEIGHTS, at_start, factors, weighted
from koubai.probes.history import History
from koubai.report.arms import groups, ranked, views
from koubai.report.figures.factors import Chain, factors_by_layer
from koubai.report.figures.gradient_by_layer import gradient_by_layer
from koubai.report.figures.gradient_heatmap import LayerTrace, gradient_heatmap
from koubai.report.layers import Layers, aligned
from koubai.report.page import Section
from koubai.report.picture import MOST_PANELS, Picture, join_sentences, of_many, thin
from koubai.report.series import Profile, stack
from koubai.words import say

_KINDS = {FLOW: "gradient", WEIGHTS: "weight_gradient"}
_MAPS = 12  # heat maps on one page; beyond, they are chosen evenly over the arms


def gradient_section(result: ExperimentResult) -> Section:
    """Return the profiles and the heat maps, or nothing where no gradient of two layers was recorded."""
    histories = {arm.name: [run.history for run in result.of(arm.name)] for arm in result.experiment.arms}
    if not any(len(weighted(history)) > 1 for own in histories.values() for history in own):
        return Section("gradients", "")
    names = {arm.name: Layers.of(result, arm.name) for arm in result.experiment.arms}
    pictures = (
        *_factors(result, histories),
        _profiles(result, histories, names, FLOW),
        _profiles(result, histories, names, WEIGHTS),
        _heatmaps(result, histories, names),
    )
    return Section("gradients", say("report.section.gradients"), pictures=pictures)


def _factors(result: ExperimentResult, histories: dict[str, list[History]]) -> tuple[Picture, ...]:
    """Return what every layer makes of the gradient, for the deepest arm of every group; where asked for."""
    if not result.experiment.observations.factors:
        return ()
    chains = []
    for group in groups(result.experiment.arms):
        own = [
            (view.title, found)
            for view in group.arms
            if histories[view.name] and (found := factors(histories[view.name][0]))
        ]
        if own:
            chains.append(Chain(*max(own, key=lambda pair: len(pair[1]))))
    return (factors_by_layer(chains),) if chains else ()


def _profiles(
    result: ExperimentResult,
    histories: dict[str, list[History]],
    names: dict[str, Layers],
    quantity: str,
) -> Picture:
    paths = {arm: tuple(weighted(own[0])) if own else () for arm, own in histories.items()}
    called, counted = aligned(paths, names)
    panels: list[tuple[str, Sequence[Profile]]] = []
    for group in ranked(result):
        profiles = []
        for view in group.arms:
            sizes = [at_start(history, quantity) for history in histories[view.name] if weighted(history)]
            if sizes:
                values = np.array([[size.get(path, np.nan) for path in paths[view.name]] for size in sizes])
                profiles.append(Profile(view.title, view.short, view.style, called[view.name], values))
        if profiles:
            panels.append((group.title, profiles))
    shown = [panels[i] for i in thin(len(panels), MOST_PANELS)]
    picture = of_many(gradient_by_layer(shown, kind=_KINDS[quantity]), len(panels))
    if not counted:
        return picture
    return replace(picture, note=join_sentences([say("report.gradient.counted"), picture.note]))


def _heatmaps(
    result: ExperimentResult, histories: dict[str, list[History]], names: dict[str, Layers]
) -> Picture:
    arms = [view for view in views(result.experiment.arms) if histories[view.name]]
    traces = []
    for view in (arms[i] for i in thin(len(arms), _MAPS)):
        own = [history for history in histories[view.name] if weighted(history)]
        if own:
            traces.append(trace(view.title if len(arms) > 1 else "", own, names[view.name]))
    return of_many(gradient_heatmap(traces), len(arms))


def trace(title: str, histories: Sequence[History], layers: Layers) -> LayerTrace:
    """Return the gradient sizes of one arm: median over seeds, at every step that was recorded."""
    paths = weighted(histories[0])
    stacked = [stack(histories, FLOW, path) for path in paths]
    steps = np.unique(np.concatenate([steps for steps, _ in stacked]))
    values = np.full((len(paths), len(steps)), np.nan)
    for row, (own, numbers) in zip(values, stacked, strict=True):
        known = np.isfinite(numbers).any(axis=0)
        row[np.searchsorted(steps, own[known])] = np.nanmedian(numbers[:, known], axis=0)
    return LayerTrace(title, tuple(layers.title(path) for path in paths), steps, values)
