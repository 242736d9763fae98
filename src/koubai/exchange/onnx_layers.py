"""ONNX's operators as layers: what each may say, and what of it koubai has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from koubai import layers
from koubai.core.layer import Layer
from koubai.core.params import Array, Shape
from koubai.exchange.onnx_file import OnnxNode
from koubai.exchange.refused import NotExchangeable, need


@dataclass(frozen=True)
class LoadedLayer:
    """A layer with its arrays by name, or one that has such inside, by the names of its children."""

    layer: Layer
    arrays: Mapping[str, Array] = field(default_factory=dict)
    inner: Mapping[str, LoadedLayer] = field(default_factory=dict)


@dataclass(frozen=True)
class NodePlace:
    """Where a node stands: the shape of one sample as koubai has it, and as the file does.

    They differ in axes of size 1 at the end, such as those behind a global average.
    """

    shape: Shape
    shown: Shape
    opset: int
    pads: tuple[int, ...] = ()  # what a node Pad in front adds on either side of each axis of space
    mode: str = "zeros"


def layer_of(node: OnnxNode, arrays: list[Array | None], place: NodePlace) -> LoadedLayer:
    """Return a node as a layer; `arrays` are its inputs behind the first, None where one is left out.

    Raises:
        NotExchangeable: a setting, or the operator, that koubai has no layer for.
    """
    made = MADE.get(node.kind)
    if made is None:
        raise NotExchangeable("")
    return made(node, arrays, place)


def _plain(layer: Callable[[], Layer]) -> Callable[..., LoadedLayer]:
    return lambda node, arrays, place: LoadedLayer(layer())


def _array(arrays: list[Array | None], i: int, what: str) -> Array:
    found = arrays[i] if i < len(arrays) else None
    if found is None:
        raise NotExchangeable(f"{what} = ?")
    return found


def _linear(node: OnnxNode, arrays: list[Array | None], place: NodePlace) -> LoadedLayer:
    """Gemm: alpha x W + beta b."""
    said = node.settings
    for name in ("alpha", "beta"):
        need(said.get(name, 1.0) == 1.0, f"{name}={said.get(name)}")
    need(not said.get("transA"), "transA=1")
    return _product(_array(arrays, 0, "B"), said.get("transB"), arrays[1] if len(arrays) > 1 else None, place)


def _matmul(node: OnnxNode, arrays: list[Array | None], place: NodePlace) -> LoadedLayer:
    return _product(_array(arrays, 0, "B"), False, None, place)


def _product(weight: Array, turned: Any, bias: Array | None, place: NodePlace) -> LoadedLayer:
    need(len(place.shown) == 1, f"x{place.shown}")
    need(weight.ndim == 2, f"B{weight.shape}")
    weight = weight.T if turned else weight
    if bias is None:
        return LoadedLayer(layers.Linear(weight.shape[1], bias=False), {"weight": weight})
    return LoadedLayer(
        layers.Linear(weight.shape[1]), {"weight": weight, "bias": row_of(bias, weight.shape[1])}
    )


def row_of(bias: Array, count: int) -> Array:
    """Return a bias (count,), (1, count) or of one number as (count,)."""
    need(
        bias.size in (1, count) and bias.ndim <= 2 and bias.shape[-1:] in ((), (1,), (count,)),
        f"C{bias.shape}",
    )
    return np.broadcast_to(bias.reshape(-1), (count,))


def _window(node: OnnxNode, kernel: Shape, place: NodePlace) -> dict[str, Any]:
    """Return stride, padding and dilation of a window, which must be the same at both ends of an axis."""
    axes = len(kernel)
    need(axes in (1, 2) and place.shape == place.shown and len(place.shape) == axes + 1, f"x{place.shown}")
    said = node.settings
    numbers = {
        "stride": tuple(said.get("strides") or (1,) * axes),
        "dilation": tuple(said.get("dilations") or (1,) * axes),
    }
    need(all(len(values) == axes and min(values) > 0 for values in numbers.values()), f"{numbers}")
    pads, auto = tuple(said.get("pads") or (0,) * (2 * axes)), said.get("auto_pad", "NOTSET")
    need(auto in ("NOTSET", "VALID") or not auto, f"auto_pad={auto}")
    need(pads[:axes] == pads[axes:] and min(pads) >= 0, f"pads={list(pads)}")
    return {**numbers, "padding": pads[:axes]}


def _convolution(node: OnnxNode, arrays: list[Array | None], place: NodePlace) -> LoadedLayer:
    weight = _array(arrays, 0, "W")
    bias = arrays[1] if len(arrays) > 1 else None
    kernel = weight.shape[2:]
    how = _window(node, kernel, place)
    if place.pads:
        need(not any(how["padding"]) or place.mode == "zeros", f"pads={how['padding']}, Pad {place.mode}")
        how["padding"] = tuple(a + b for a, b in zip(how["padding"], place.pads, strict=True))
        how["padding_mode"] = place.mode
    kind = layers.Conv1d if len(kernel) == 1 else layers.Conv2d
    layer = kind(weight.shape[0], kernel, groups=node.settings.get("group", 1), bias=bias is not None, **how)
    return LoadedLayer(layer, {"weight": weight} | ({} if bias is None else {"bias": bias}))


def _transposed(node: OnnxNode, arrays: list[Array | None], place: NodePlace) -> LoadedLayer:
    weight = _array(arrays, 0, "W")
    bias = arrays[1] if len(arrays) > 1 else None
    groups, kernel = node.settings.get("group", 1), weight.shape[2:]
    need(not node.settings.get("output_shape"), "output_shape")
    more = tuple(node.settings.get("output_padding") or (0,) * len(kernel))
    how = _window(node, kernel, place) | {"output_padding": more}
    kind = layers.ConvTranspose1d if len(kernel) == 1 else layers.ConvTranspose2d
    layer = kind(weight.shape[1] * groups, kernel, groups=groups, bias=bias is not None, **how)
    return LoadedLayer(layer, {"weight": weight} | ({} if bias is None else {"bias": bias}))


def _pool(node: OnnxNode, arrays: list[Array | None], place: NodePlace) -> LoadedLayer:
    said = node.settings
    how = _window(node, tuple(said.get("kernel_shape") or ()), place)
    need(not said.get("ceil_mode"), "ceil_mode=1")
    need(set(how.pop("dilation")) == {1}, f"dilations={said.get('dilations')}")
    need(sum(map(bool, node.outputs)) == 1, "Indices")
    size, two = tuple(said["kernel_shape"]), len(said["kernel_shape"]) == 2
    if node.kind == "MaxPool":
        return LoadedLayer((layers.MaxPool2d if two else layers.MaxPool1d)(size, **how))
    need(said.get("count_include_pad") or not any(how["padding"]), "count_include_pad=0")
    return LoadedLayer((layers.AveragePool2d if two else layers.AveragePool1d)(size, **how))


def _batch_norm(node: OnnxNode, arrays: list[Array | None], place: NodePlace) -> LoadedLayer:
    need(not node.settings.get("training_mode"), "training_mode=1")
    names = ("gamma", "beta", "running_mean", "running_variance")
    found = {name: _array(arrays, i, name) for i, name in enumerate(names)}
    momentum, epsilon = node.settings.get("momentum", 0.9), node.settings.get("epsilon", 1e-5)
    return LoadedLayer(layers.BatchNorm(momentum, epsilon), found)


def _affine(arrays: list[Array | None]) -> dict[str, Array]:
    return {name: _array(arrays, i, name) for i, name in enumerate(("gamma", "beta"))}


def _layer_norm(node: OnnxNode, arrays: list[Array | None], place: NodePlace) -> LoadedLayer:
    axis = node.settings.get("axis", -1)
    need(axis in (1, -len(place.shown)) and place.shape == place.shown, f"axis={axis}")
    return LoadedLayer(layers.LayerNorm(node.settings.get("epsilon", 1e-5)), _affine(arrays))


def _group_norm(node: OnnxNode, arrays: list[Array | None], place: NodePlace) -> LoadedLayer:
    need(place.opset >= 21, f"opset={place.opset}")  # before, it had one scale a group
    return LoadedLayer(
        layers.GroupNorm(node.settings.get("num_groups", 0), node.settings.get("epsilon", 1e-5)),
        _affine(arrays),
    )


def _instance_norm(node: OnnxNode, arrays: list[Array | None], place: NodePlace) -> LoadedLayer:
    return LoadedLayer(layers.InstanceNorm(node.settings.get("epsilon", 1e-5)), _affine(arrays))


def _local_response(node: OnnxNode, arrays: list[Array | None], place: NodePlace) -> LoadedLayer:
    said = node.settings
    size = said.get("size", 0)
    need(size > 0 and size % 2, f"size={size}")
    k, alpha, beta = said.get("bias", 1.0), said.get("alpha", 1e-4), said.get("beta", 0.75)
    return LoadedLayer(layers.LocalResponseNorm(size, k, alpha / size, beta))


def _prelu(node: OnnxNode, arrays: list[Array | None], place: NodePlace) -> LoadedLayer:
    slope, channels = _array(arrays, 0, "slope"), place.shape[0]
    need(slope.size in (1, channels), f"slope{slope.shape}")
    along = slope.ndim >= len(place.shown) and slope.shape[slope.ndim - len(place.shown)] == channels
    need(slope.size == 1 or along, f"slope{slope.shape}")  # of the axis of channels, behind that of N
    return LoadedLayer(layers.PReLU(shared=slope.size == 1), {"slope": slope.reshape(-1)})


def _softmax(node: OnnxNode, arrays: list[Array | None], place: NodePlace) -> LoadedLayer:
    axis = node.settings.get("axis", -1 if place.opset >= 13 else 1)
    last = axis in (-1, len(place.shown)) and (place.opset >= 13 or len(place.shown) == 1)
    need(last and place.shape == place.shown, f"axis={axis}")
    return LoadedLayer(layers.Softmax())


def _global_average(node: OnnxNode, arrays: list[Array | None], place: NodePlace) -> LoadedLayer:
    need(place.shape == place.shown and len(place.shape) > 1, f"x{place.shown}")
    if node.kind == "ReduceMean":
        given = node.settings.get("axes")
        axes = given if given is not None else _array(arrays, 0, "axes").reshape(-1)[:8].tolist()
        rank = len(place.shown) + 1
        need(sorted(axis % rank for axis in axes) == list(range(2, rank)), f"axes={axes}")
    return LoadedLayer(layers.GlobalAveragePool())


def _gelu(node: OnnxNode, arrays: list[Array | None], place: NodePlace) -> LoadedLayer:
    way = node.settings.get("approximate", "none")
    need(way == "none", f"approximate={way}")
    return LoadedLayer(layers.GELU())


def _dropout(node: OnnxNode, arrays: list[Array | None], place: NodePlace) -> LoadedLayer:
    given = arrays[0] if arrays else None
    ratio = (
        float(given.reshape(-1)[0]) if given is not None and given.size else node.settings.get("ratio", 0.5)
    )
    return LoadedLayer(layers.Dropout(ratio))


def _selu(node: OnnxNode, arrays: list[Array | None], place: NodePlace) -> LoadedLayer:
    for name, ours in (("alpha", layers.SELU.alpha), ("gamma", layers.SELU.scale)):
        found = node.settings.get(name, ours)
        need(np.float32(found) == np.float32(ours), f"{name}={found}")
    return LoadedLayer(layers.SELU())


MADE: dict[str, Callable[[OnnxNode, list[Array | None], NodePlace], LoadedLayer]] = {
    "Gemm": _linear,
    "MatMul": _matmul,
    "Conv": _convolution,
    "ConvTranspose": _transposed,
    "MaxPool": _pool,
    "AveragePool": _pool,
    "GlobalAveragePool": _global_average,
    "ReduceMean": _global_average,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "GroupNormalization": _group_norm,
    "InstanceNormalization": _instance_norm,
    "LRN": _local_response,
    "Relu": _plain(layers.ReLU),
    "Sigmoid": _plain(layers.Sigmoid),
    "Tanh": _plain(layers.Tanh),
    "Exp": _plain(layers.Exponential),
    "Mish": _plain(layers.Mish),
    "Softplus": _plain(layers.Softplus),
    "LeakyRelu": lambda node, arrays, place: LoadedLayer(layers.LeakyReLU(node.settings.get("alpha", 0.01))),
    "Elu": lambda node, arrays, place: LoadedLayer(layers.ELU(node.settings.get("alpha", 1.0))),
    "Selu": _selu,
    "Gelu": _gelu,
    "PRelu": _prelu,
    "Softmax": _softmax,
    "Dropout": _dropout,
}
