"""Exhibits of a trained run: what a picture needs beyond scores and history."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from koubai.core.params import Array
from koubai.lab.declare.experiment import Observations
from koubai.lab.perform.run_result import Exhibit
from koubai.layers.convolution import Convolution
from koubai.network.network import Network, Weights
from koubai.network.summary import layer_rows
from koubai.probes.histograms import activation_histograms, activations
from koubai.train.session import Session

_SAMPLES = 500  # inputs whose activations are counted
_SEEN = 100  # inputs over which a receptive field is averaged
_BINS = 50
_MAPS = 16  # feature maps and filters shown a layer


def exhibits_of(session: Session, observations: Observations) -> tuple[Exhibit, ...]:
    """Return what `observations` ask for, before and after training."""
    network, recipe = session.network, session.recipe
    initial = network.initialize(recipe.seed, recipe.dtype)
    final = session.state().weights
    x = np.ascontiguousarray(session.dataset.inputs("test")[:_SAMPLES], recipe.dtype)
    found: list[Exhibit] = []
    if observations.histograms:
        found += histograms(session, initial, final, x)
    if observations.filters:
        found += filters(initial, final)
        found += augmented(session)
        found += feature_maps(session, final, x[:1])
    if observations.fields:
        found += receptive_fields(network, final, x[:_SEEN])
    if observations.weights:
        found += weights(session, final)
    if observations.layers:
        found.append(layers(session))
    return tuple(found)


def histograms(session: Session, initial: Weights, final: Weights, x: Array) -> Iterator[Exhibit]:
    """Yield how the activations of every layer spread before and after training, in common bins."""
    found = activation_histograms(session.network, [initial, final], x, bins=_BINS)
    names = layer_names(session)
    for path, counted in found.items():
        yield Exhibit(
            "histogram",
            path,
            {"edges": counted.edges, "initial": counted.shares[0], "final": counted.shares[1]},
            note=names[path],
        )


def filters(initial: Weights, final: Weights) -> Iterator[Exhibit]:
    """Yield the first filters of every convolution before and after training."""
    for path, array in final.params.items():
        if array.ndim >= 3:
            yield Exhibit(
                "filters", path, {"initial": initial.params[path][:_MAPS], "final": array[:_MAPS].copy()}
            )


def feature_maps(session: Session, final: Weights, x: Array) -> Iterator[Exhibit]:
    """Yield one test sample and what every layer with space axes makes of it."""
    if len(x) == 0 or x.ndim < 3:
        return
    yield Exhibit("sample", "", {"values": x[0]})
    names = layer_names(session)
    for path, values in activations(session.network, final, x).items():
        if values.ndim >= 3:
            yield Exhibit("feature_maps", path, {"values": values[0, :_MAPS].copy()}, note=names[path])


def augmented(session: Session) -> Iterator[Exhibit]:
    """Yield the first training picture as it is and as the first updates see it, where they alter it."""
    job = session.program.job
    if not job.augment or len(job.network.in_shape) != 3:
        return
    rows = np.arange(min(len(job.x), job.batch_size))  # mixup needs others beside it
    seen = [job.batch(rows, step)[0][0] for step in range(1, _MAPS)]
    plain = np.asarray(job.x[rows[:1]])[0]
    yield Exhibit("augmented", "", {"values": np.stack([plain, *seen])})


def receptive_fields(network: Network, final: Weights, x: Array) -> Iterator[Exhibit]:
    """Yield, for every convolution of a chain of layers, how much each pixel moves a unit in its middle.

    The gradient of that unit, summed over the maps, with respect to the pixels; absolute, mean over samples.
    What is exactly 0 lies outside the receptive field.
    """
    root = network.bind(final, training=False)
    cells = list(root.children.values())
    if len(x) == 0 or x.ndim != 4 or any(cell.children for cell in cells):
        return
    y = x
    for i, cell in enumerate(cells):
        y = cell.forward(y)
        if isinstance(cell.layer, Convolution) and y.ndim == 4:
            dy = np.zeros_like(y)
            dy[:, :, y.shape[2] // 2, y.shape[3] // 2] = 1
            for earlier in reversed(cells[: i + 1]):
                dy = earlier.backward(dy)
            yield Exhibit("receptive_field", cell.path, {"values": np.abs(dy).sum(axis=1).mean(axis=0)})


def layers(session: Session) -> Exhibit:
    """Return the layers as a table: parameters and multiply-adds of each."""
    listed = layer_rows(session.network)
    return Exhibit(
        "table",
        "layers",
        {"values": np.array([(row.parameters, row.multiply_adds) for row in listed], np.float64)},
        columns=("parameters", "multiply_adds"),
        rows=tuple(f"{row.layer} {' x '.join(map(str, row.shape))}" for row in listed),
    )


def layer_names(session: Session) -> dict[str, str]:
    """Return the class name of every leaf layer by path."""
    return {cell.path: type(cell.layer).__name__ for cell in session.network.leaves}


def weights(session: Session, final: Weights) -> Iterator[Exhibit]:
    """Yield how the values of every penalized tensor spread; near zero is below .001 in size."""
    for path, spec in session.network.param_specs.items():
        if spec.penalized:
            values = final.params[path].ravel().astype(np.float64)
            top = max(float(np.quantile(np.abs(values), 0.999)), 1e-6)
            counts, edges = np.histogram(values.clip(-top, top), np.linspace(-top, top, 2 * _BINS + 2))
            yield Exhibit(
                "weights",
                path,
                {
                    "edges": edges,
                    "counts": counts.astype(np.float64),
                    "near_zero": np.array((np.abs(values) < 1e-3).mean()),
                    "norm": np.array(np.sqrt((values**2).sum())),
                },
            )
