"""An ONNX file as layers and weights of koubai, where it is made of operators that koubai has layers for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from koubai.core.errors import ConfigError, KoubaiError, Problem, ShapeError
from koubai.core.layer import Layer
from koubai.core.params import Array, Shape
from koubai.data.files import decoding
from koubai.data.preparation import Preparation
from koubai.data.scale import InputScale
from koubai.exchange.onnx_ends import Ends, ends_of
from koubai.exchange.onnx_file import OnnxFile, read_onnx
from koubai.exchange.onnx_graph import FOLDED, Knot, OnnxStep, Ways
from koubai.exchange.onnx_layers import MADE, LoadedLayer, NodePlace, layer_of, row_of
from koubai.exchange.onnx_views import padded, view_of
from koubai.exchange.refused import NotExchangeable, need
from koubai.layers import (
    GELU,
    Concatenate,
    Conv1d,
    Conv2d,
    ConvTranspose1d,
    ConvTranspose2d,
    Identity,
    Linear,
    Mish,
    Residual,
    Sequential,
    SiLU,
)
from koubai.layers import Step as StepFunction
from koubai.network.network import Network, Weights, join
from koubai.words.phrase import Phrase, phrase

_TOGETHER = {"silu": SiLU, "mish": Mish, "gelu": GELU, "step": StepFunction}
_BIASED = (Linear, Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d)
_MOVING = {**dict.fromkeys(("Flatten", "Reshape", "Squeeze", "Unsqueeze"), view_of), "Pad": padded}
_WRITTEN = ("Add", "Cast", "CastLike", "Clip", "Constant", "Div", "Erf", "GreaterOrEqual", "IsNaN", "Mul")
KNOWN = tuple(sorted({*MADE, *FOLDED, *_WRITTEN, "Flatten", "Pad", "Shape", "Sub", "Sum", "Where"}))


@dataclass(frozen=True)
class ImportedNetwork:
    """What an ONNX file becomes; `preparation` is None where it does not say how inputs are prepared."""

    network: Network
    weights: Weights
    preparation: Preparation | None
    dtype: str


def from_onnx(path: str | Path, in_shape: Shape | None = None) -> ImportedNetwork:
    """Return a file's network, wired for inputs (N, *in_shape), and copies of its arrays.

    `in_shape` is needed where the file leaves a size of its input open.

    Raises:
        EngineError: onnx is not installed.
        DataError: no such file, or one that is no ONNX or not what it says (koubai.exchange.onnx_file).
        ConfigError: every operator that koubai has no layer for; else the node that stands in the way.
        ShapeError: an input whose shape is neither in the file nor given.
    """
    file = read_onnx(path)
    with decoding(Path(path)), np.errstate(all="ignore"):
        return _imported(file, in_shape)


def _imported(file: OnnxFile, in_shape: Shape | None) -> ImportedNetwork:
    unknown = [node for node in file.nodes if node.kind not in KNOWN]
    if unknown:
        said = [phrase("koubai_has_no_onnx_operator", kind=node.kind) for node in unknown]
        problems = [Problem(node.name, text) for node, text in zip(unknown, said, strict=True)]
        problems[-1] = replace(problems[-1], hint=phrase("one_of", names=", ".join(KNOWN)))
        raise ConfigError("from_onnx", problems)
    shape = tuple(file.shape if in_shape is None else in_shape)
    if not shape or any(size is None or size < 1 for size in shape):
        raise ShapeError("onnx_leaves_the_input_shape_open", where="from_onnx", got=file.shape)
    known: Shape = tuple(int(size) for size in shape if size is not None)
    ways = Ways(file, known)
    try:
        steps = ways.steps(file.x, file.y)
        ends = ends_of(steps, ways, known)
        made, _ = _Build(ways, ends.dtype).chain(ends.steps, known, known)
    except Knot as knot:
        raise ConfigError("from_onnx", [Problem(knot.node.name, _why(knot.node.kind, knot.why))]) from None
    network = Network(made.layer, known)
    weights = Weights()
    for at, array in _arrays(made, ""):
        kept = at in network.buffer_specs
        (weights.buffers if kept else weights.params)[at] = np.array(array, ends.dtype)
    network.check(weights)
    return ImportedNetwork(network, weights, _preparation(file, ends, network), ends.dtype)


def _why(kind: str, setting: str) -> Phrase:
    if not setting:
        return phrase("onnx_node_leads_elsewhere", kind=kind)
    return phrase("koubai_has_no_onnx_operator_with", kind=kind, setting=setting)


def _preparation(file: OnnxFile, ends: Ends, network: Network) -> Preparation | None:
    """Return how inputs and outputs are prepared, where the graph says it or koubai wrote that nothing is.

    A file of others that scales its inputs does not say what its outputs are: several are taken for classes.
    """
    told, names = (_told(file.properties.get(name, "")) for name in ("koubai", "classes"))
    by_koubai = isinstance(told, dict)
    if ends.scale is None and ends.units is None and not (by_koubai and told.get("prepares")):
        return None
    outputs = int(np.prod(network.out_shape))
    classes = told.get("classes") if by_koubai else outputs if ends.units is None and outputs > 1 else None
    classes = classes if isinstance(classes, int) and 0 < classes <= max(outputs, 2) else None
    names = tuple(map(str, names)) if isinstance(names, list) and len(names) == classes else ()
    found = Preparation(ends.scale or InputScale(), ends.units, classes, names)
    return Preparation.from_json(found.to_json(), network.in_shape, network.out_shape)  # its own door


def _told(text: str) -> Any:
    """Return what a property says in JSON; None where it says nothing that can be read."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _arrays(loaded: LoadedLayer, path: str) -> Iterator[tuple[str, Array]]:
    for name, array in loaded.arrays.items():
        yield join(path, name), array
    for name, child in loaded.inner.items():
        yield from _arrays(child, join(path, name))


def _sequential(layers: Sequence[LoadedLayer]) -> LoadedLayer:
    inner = {str(i): loaded for i, loaded in enumerate(layers)}
    return LoadedLayer(Sequential(*(loaded.layer for loaded in layers)), inner=inner)


class _Build:
    """Makes layers of steps, with the shape of a sample between them, as koubai and as the file has it."""

    def __init__(self, ways: Ways, dtype: str) -> None:
        self._ways, self._opset = ways, ways.file.opset
        self._type = 11 if dtype == "float64" else 1

    def chain(
        self, steps: Sequence[OnnxStep], shape: Shape, shown: Shape
    ) -> tuple[LoadedLayer, tuple[Shape, Shape]]:
        """Return the steps in a row, and both shapes behind them."""
        layers: list[LoadedLayer] = []
        place = NodePlace(shape, shown, self._opset)
        for step in steps:
            try:
                found, place = self._one(step, place, layers)
            except NotExchangeable as refused:
                raise Knot(step.node, str(refused) or step.node.kind) from None
            except KoubaiError as error:  # a layer that cannot be, or does not fit what comes before
                raise Knot(step.node, error.message) from None
            layers += found
            self._ways.shapes |= dict.fromkeys(step.node.outputs, place.shown)
        if place.pads:
            raise Knot(steps[-1].node)
        return _sequential(layers), (place.shape, place.shown)

    def _one(
        self, step: OnnxStep, place: NodePlace, before: list[LoadedLayer]
    ) -> tuple[list[LoadedLayer], NodePlace]:
        """Return the layers of one step and the place behind it."""
        node = step.node
        if place.pads and step.kind not in ("Conv", "Identity"):
            raise NotExchangeable("Pad")
        if step.kind == "Identity" or (step.kind == "Cast" and node.settings.get("to") == self._type):
            return [], place
        if step.kind == "Add":
            return self._bias(step, place, before)
        if step.kind in _MOVING:
            return _MOVING[step.kind](step, place, self._ways)
        if step.inner:
            return self._fork(step, place)
        if step.kind in _TOGETHER:
            return [LoadedLayer(_TOGETHER[step.kind]())], place
        return self._layer(step, place)

    def _layer(self, step: OnnxStep, place: NodePlace) -> tuple[list[LoadedLayer], NodePlace]:
        """Return the layer of one node."""
        node = step.node
        moving, *rest = node.inputs
        need(self._ways.moves(moving), f"{moving} = constant")
        arrays = [self._ways.constant(name) for name in rest]
        for name, constant in zip(rest, arrays, strict=True):
            need(not name or constant is not None, name)
        loaded = layer_of(node, arrays, place)
        alone = Network(loaded.layer, place.shape)
        fitting = {n: s.shape for n, s in alone.param_specs.items()}
        fitting |= {n: s.shape for n, s in alone.buffer_specs.items()}
        for name, array in loaded.arrays.items():
            need(array.shape == tuple(fitting[name]), f"{name} {array.shape}, x {place.shape}")
        shape = alone.out_shape
        kept = node.kind == "GlobalAveragePool" or (
            node.kind == "ReduceMean" and node.settings.get("keepdims", 1)
        )
        shown = (*shape, *(1,) * (len(place.shown) - 1)) if kept else shape
        if shape == place.shape:
            shown = place.shown
        return [loaded], NodePlace(shape, shown, self._opset)

    def _fork(self, step: OnnxStep, place: NodePlace) -> tuple[list[LoadedLayer], NodePlace]:
        made = [self.chain(way, place.shape, place.shown) for way in step.inner]
        layers = [loaded for loaded, _ in made]
        shapes = [both for _, both in made]
        if step.kind == "concatenate":
            rank = len(shapes[0][1]) + 1
            if step.node.settings.get("axis", 0) % rank != 1:
                raise NotExchangeable(f"axis={step.node.settings.get('axis')}")
            if any(ours != theirs for ours, theirs in shapes):
                raise NotExchangeable(f"{[theirs for _, theirs in shapes]}")
            branches = [_one_layer(loaded) for loaded in layers]
            whole = LoadedLayer(
                Concatenate(*(loaded.layer for loaded in branches)),
                inner={str(i): loaded for i, loaded in enumerate(branches)},
            )
        else:
            if len(layers) != 2 or shapes[0] != shapes[1]:
                raise NotExchangeable(f"{[theirs for _, theirs in shapes]}")
            body, shortcut = sorted(layers, key=lambda loaded: not loaded.inner)
            inner = {"body": _one_layer(body)}
            if shortcut.inner:
                inner["shortcut"] = _one_layer(shortcut)
            own: Mapping[str, Layer] = {name: loaded.layer for name, loaded in inner.items()}
            whole = LoadedLayer(Residual(**own), inner=inner)
        shape = Network(whole.layer, place.shape).out_shape
        return [whole], NodePlace(shape, shape if step.kind == "concatenate" else shapes[0][1], self._opset)

    def _bias(
        self, step: OnnxStep, place: NodePlace, before: list[LoadedLayer]
    ) -> tuple[list[LoadedLayer], NodePlace]:
        """Add a constant to what a product or a convolution gave: its bias."""
        found = [self._ways.constant(name) for name in step.node.inputs if not self._ways.moves(name)]
        last, bias = (before[-1] if before else None), (found[0] if found else None)
        if last is None or bias is None or not isinstance(last.layer, _BIASED) or last.layer.bias:
            raise NotExchangeable("constant")
        axes, count = len(place.shown), place.shown[0]
        row = bias.reshape(-1) if axes > 1 and bias.shape[-axes:] == (count, *(1,) * (axes - 1)) else bias
        need(row is not bias or axes == 1 or bias.size == 1, f"constant {bias.shape}")
        before[-1] = LoadedLayer(replace(last.layer, bias=True), {**last.arrays, "bias": row_of(row, count)})
        return [], place


def _one_layer(loaded: LoadedLayer) -> LoadedLayer:
    """Return a sequence of one loaded as that loaded, an empty one as the identity."""
    inner = list(loaded.inner.values())
    if not inner:
        return LoadedLayer(Identity())
    return inner[0] if len(inner) == 1 else loaded
