"""What a run left to look at: activations, filters, maps, weights, paths, tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from koubai.core.layer import LAYERS
from koubai.core.params import Array
from koubai.lab.conclude.result import ExperimentResult
from koubai.lab.perform.run_result import Exhibit
from koubai.layers.activations import Activation
from koubai.report.figures.activation_histograms import LayerHistogram, activation_histograms
from koubai.report.figures.optimizer_paths import DescentPath, SurfaceGrid, optimizer_paths
from koubai.report.figures.planes import Plane, planes
from koubai.report.figures.starts import DrawnStarts, starts
from koubai.report.figures.tiles import Tiles, as_images, augmented, feature_maps, filters, receptive_fields
from koubai.report.figures.weights import WeightHistogram, weights
from koubai.report.layers import Layers
from koubai.report.numbers import number
from koubai.report.page import Section, TitledTable
from koubai.report.picture import Picture, Table, of_many, thin
from koubai.words import say

T = TypeVar("T")
_PANELS = 12
_ZOOM = 3.0  # ratio of widths of two surfaces beyond which they are not drawn as one
_CELLS = 400  # rows of a table exhibit that are printed


def activation_section(result: ExperimentResult) -> Section:
    """Return the ridges of every arm that kept histograms."""
    panels: list[tuple[str, Sequence[LayerHistogram]]] = []
    for arm, exhibits in _kept(result, "histogram"):
        shown = [exhibit for exhibit in exhibits if _is_activation(exhibit.note)] or exhibits
        layers = [
            LayerHistogram(
                f"{exhibit.path} {exhibit.note}".strip(),
                exhibit.arrays["edges"],
                exhibit.arrays["initial"],
                exhibit.arrays["final"],
            )
            for exhibit in shown
        ]
        panels.append((result.arms[arm].title() if len(result.arms) > 1 else "", layers))
    pictures = (of_many(activation_histograms(_some(panels)), len(panels)),) if panels else ()
    return Section("activations", say("report.section.activations"), pictures=pictures)


def weight_section(result: ExperimentResult) -> Section:
    """Return the weights that remain: a panel for every parameter of every arm, or for its first where many.

    Of many arms the same layer is shown, so that what differs is the arm.
    """
    panels = []
    kept = _kept(result, "weights")
    many = sum(len(exhibits) for _, exhibits in kept) > _PANELS
    for arm, exhibits in kept:
        layers = Layers.of(result, arm)
        for exhibit in exhibits[:1] if many else exhibits:
            arrays = exhibit.arrays
            title = f"{result.arms[arm].title()}: {layers.title(exhibit.path)}"
            panels.append(
                WeightHistogram(
                    title,
                    arrays["edges"],
                    arrays["counts"],
                    float(arrays["near_zero"]),
                    float(arrays["norm"]),
                )
            )
    pictures = (of_many(weights(_some(panels)), len(panels)),) if panels else ()
    return Section("weights", say("report.section.weights"), pictures=pictures)


def filter_section(result: ExperimentResult) -> Section:
    """Return filters before and after training, and one sample's maps, of the first arm that kept them."""
    pictures: list[Picture] = [*_augmented(result), *_fields(result)]
    for arm, exhibits in _kept(result, "filters")[:1]:
        layers = Layers.of(result, arm)
        panels = [
            Tiles(f"{layers.title(exhibit.path)}, {say(f'report.activations.{name}')}", "filters", images)
            for exhibit in exhibits
            for name in ("initial", "final")
            for images in [as_images(exhibit.arrays[name])]
        ]
        pictures.append(of_many(filters(_some(panels)), len(panels)))
    for arm, exhibits in _kept(result, "feature_maps")[:1]:
        layers = Layers.of(result, arm)
        samples = [e for run in result.of(arm) for e in run.exhibits if e.kind == "sample"]
        panels = [
            Tiles(say("report.feature_maps.sample"), "sample", as_images(e.arrays["values"])) for e in samples
        ]
        panels += [
            Tiles(layers.title(exhibit.path), "feature_maps", as_images(exhibit.arrays["values"]))
            for exhibit in exhibits
        ]
        pictures.append(of_many(feature_maps(_some(panels)), len(panels)))
    return Section("filters", say("report.section.filters"), pictures=tuple(pictures))


def _augmented(result: ExperimentResult) -> list[Picture]:
    """Return what augmentation makes of one training picture in every arm that has any."""
    panels = [
        Tiles(result.arms[arm].title(), "sample", as_images(exhibit.arrays["values"]))
        for arm, exhibits in _kept(result, "augmented")
        for exhibit in exhibits
    ]
    return [of_many(augmented(_some(panels)), len(panels))] if panels else []


def _fields(result: ExperimentResult) -> list[Picture]:
    """Return the receptive fields of the first arm that kept any."""
    panels = [
        Tiles(
            f"{result.arms[arm].title()}: {Layers.of(result, arm).title(exhibit.path)}",
            "receptive_field",
            exhibit.arrays["values"][None],
        )
        for arm, exhibits in _kept(result, "receptive_field")[:1]
        for exhibit in exhibits
    ]
    return [of_many(receptive_fields(_some(panels)), len(panels))] if panels else []


def plane_section(result: ExperimentResult) -> Section:
    """Return what every arm answers all over the plane."""
    panels = [
        Plane(
            result.arms[arm].title(),
            *(exhibits[0].arrays[name] for name in ("x", "y", "values", "points", "classes")),
        )
        for arm, exhibits in _kept(result, "plane")
    ]
    pictures = (of_many(planes(_some(panels)), len(panels)),) if panels else ()
    return Section("planes", say("report.section.planes"), pictures=pictures)


def path_section(result: ExperimentResult) -> Section:
    """Return all descents; those of one function on a common surface where that shows them all."""
    descents: dict[Any, list[DescentPath]] = {}  # by the function that they descend
    for arm, exhibits in _kept(result, "path"):
        drawn = [exhibit for run in result.of(arm) for exhibit in run.exhibits if exhibit.kind == "surface"]
        surface = _surface(drawn[0].arrays) if drawn else None
        arrays = exhibits[0].arrays
        found = DescentPath(result.arms[arm].title(), arrays["points"], arrays["values"], surface)
        function = getattr(result.experiment.plan(result.arms[arm], 0), "surface", None)
        descents.setdefault(function, []).append(found)
    if not descents:
        return Section("paths", say("report.section.paths"), pictures=_starts(result))
    panels = [
        descent for function, same in descents.items() for descent in _on_common_surface(same, function)
    ]
    pictures = (of_many(optimizer_paths(_some(panels)), len(panels)),)
    return Section("paths", say("report.section.paths"), pictures=pictures)


def _starts(result: ExperimentResult) -> tuple[Picture, ...]:
    """Return where the many starts of every arm ended, on the function that they descended."""
    kept = [(arm, exhibits[0].arrays) for arm, exhibits in _kept(result, "starts")]
    if not kept:
        return ()
    rows = [
        DrawnStarts(result.arms[arm].title(), arrays["starts"], arrays["reached"].astype(bool))
        for arm, arrays in kept
    ]
    return (starts(rows, kept[0][1]["x"], kept[0][1]["values"]),)


def _surface(arrays: Mapping[str, Array]) -> SurfaceGrid:
    return SurfaceGrid(arrays["x"], arrays.get("y"), arrays["values"])


def _on_common_surface(descents: list[DescentPath], function: Any) -> list[DescentPath]:
    """Put all descents on a surface that holds all, unless that would make some too small to see.

    `function` gives the values there; without one (None) the widest surface serves.
    """
    surfaces = [descent.surface for descent in descents if descent.surface is not None]
    if len(surfaces) < 2:
        return descents
    narrowest, widest = (pick(surfaces, key=lambda surface: surface.width) for pick in (min, max))
    if widest.width > _ZOOM * narrowest.width:
        return descents
    common = widest if function is None else _spanning(surfaces, function)
    return [replace(descent, surface=common) for descent in descents]


def _spanning(surfaces: Sequence[SurfaceGrid], function: Any) -> SurfaceGrid:
    """Return the function on a grid that reaches as far as any of the surfaces."""
    x = _reach([surface.x for surface in surfaces])
    heights = [surface.y for surface in surfaces if surface.y is not None]
    if not heights:
        return SurfaceGrid(x, None, function.value(x[:, None]))
    y = _reach(heights)
    return SurfaceGrid(x, y, function.value(np.stack(np.meshgrid(x, y), axis=-1)))


def _reach(axes: Sequence[Array]) -> Array:
    return np.linspace(min(axis[0] for axis in axes), max(axis[-1] for axis in axes), len(axes[0]))


def table_section(result: ExperimentResult) -> Section:
    """Return the tables and matrices that runs left, as numbers in cells."""
    several = len(result.arms) > 1
    tables = [
        _table(exhibit, arm.title() if several else "")
        for arm in result.experiment.arms
        for run in result.of(arm.name)[:1]
        for exhibit in run.exhibits
        if exhibit.kind in ("table", "matrix")
    ]
    return Section("numbers", say("report.section.numbers"), tables=tuple(tables))


def _table(exhibit: Exhibit, arm: str) -> TitledTable:
    values = np.atleast_2d(exhibit.arrays["values"])
    columns = exhibit.columns or tuple(str(i) for i in range(values.shape[1]))
    names = exhibit.rows or tuple(str(i) for i in range(values.shape[0]))
    rows = tuple((names[i], *(number(float(x)) for x in values[i])) for i in thin(len(values), _CELLS))
    title = ": ".join(part for part in (arm, exhibit.path) if part)
    return TitledTable(title, Table((say("report.axis.row"), *columns), rows), exhibit.note)


def _kept(result: ExperimentResult, kind: str) -> list[tuple[str, list[Exhibit]]]:
    """Return (arm, exhibits of a kind) of the first run of every arm that has any."""

    def found() -> Iterator[tuple[str, list[Exhibit]]]:
        for arm in result.experiment.arms:
            for run in result.of(arm.name):
                exhibits = [exhibit for exhibit in run.exhibits if exhibit.kind == kind]
                if exhibits:
                    yield arm.name, exhibits
                    break

    return list(found())


def _some(panels: list[T]) -> list[T]:
    return [panels[i] for i in thin(len(panels), _PANELS)]


def _is_activation(name: str) -> bool:
    return any(cls.__name__ == name and issubclass(cls, Activation) for cls in LAYERS.values())
