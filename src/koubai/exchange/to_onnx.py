"""A trained network as an ONNX file, which ONNX Runtime and many others run."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from koubai.core.errors import EngineError
from koubai.core.params import Array
from koubai.data.preparation import Preparation
from koubai.data.scale import InputScale
from koubai.exchange.onnx_verbs import Named, OnnxGraph, lower
from koubai.network.network import Network, Weights

OPSET, IR = 21, 10


def onnx_model(
    network: Network, weights: Weights, dtype: str = "float32", preparation: Preparation | None = None
) -> Any:
    """Return the network as an onnx.ModelProto, checked by onnx.

    It has one input `x` (N, *in_shape), float32 (float64 where inputs were stored so), and one output `y`
    (N, K). With a preparation `x` are inputs as the source stores them, and `y` is what `predict` returns;
    without one both are the network's own. Parameters keep their paths.

    Raises:
        EngineError: onnx is not installed, or a layer that it has no nodes for.
    """
    onnx, graph = onnx_module(), OnnxGraph(dtype)
    known = preparation or Preparation()
    stored = "float64" if known.scale.innermost.stored == "float64" and not known.scale.identity else dtype
    with np.errstate(all="ignore"):
        x = _scaled(graph, Named("x", network.in_shape), known.scale, dtype, stored)
        y = lower(graph, network.bind(weights, training=False), x)
        y = _in_units(graph, y, known)
    graph.nodes.append(onnx.helper.make_node("Identity", [y.name], ["y"], name="y"))
    result = "float64" if known.units is not None else dtype
    made = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            "koubai",
            [_tensor("x", network.in_shape, stored)],
            [_tensor("y", network.out_shape, result)],
            [onnx.numpy_helper.from_array(array, name) for name, array in graph.constants.items()],
        ),
        producer_name="koubai",
        producer_version=version("koubai"),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR,
    )
    told = {"koubai": json.dumps({"prepares": preparation is not None, "classes": known.classes})}
    if known.class_names:
        told["classes"] = json.dumps(known.class_names, ensure_ascii=False)
    onnx.helper.set_model_props(made, told)
    onnx.checker.check_model(made, full_check=True)
    return made


def write_onnx(path: str | Path, model: Any) -> Path:
    """Write a model; `.onnx` is added where it lacks. Raises OSError where that cannot be."""
    path = Path(path)
    if path.suffix != ".onnx":
        path = path.with_name(path.name + ".onnx")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    return path


def _scaled(graph: OnnxGraph, x: Named, scale: InputScale, dtype: str, now: str) -> Named:
    """Add what InputScale.apply does, in its order and types."""
    if scale.identity:
        return x
    if scale.before is not None:
        x = _scaled(graph, x, scale.before, dtype, now)
        now = dtype
    inner = "float64" if scale.stored == "float64" else dtype
    name = _as(graph, x.name, now, inner)
    for kind, numbers in (("Sub", scale.shift), ("Div", scale.width)):
        if numbers is not None:
            name = graph.node(
                kind, name, _constant(graph, f"scale_{kind.lower()}", numbers, inner), near="scale"
            )
    if scale.times != 1:
        name = graph.node("Mul", name, _constant(graph, "scale_times", scale.times, inner), near="scale")
    if scale.limit is not None:
        low, high = (_constant(graph, f"scale_{end}", end * scale.limit, inner) for end in (-1, 1))
        name = graph.node("Clip", name, low, high, near="scale")
    return Named(_as(graph, name, inner, dtype), x.shape)


def _in_units(graph: OnnxGraph, y: Named, known: Preparation) -> Named:
    """Add what TargetUnits.stored does, in float64."""
    units = known.units
    if units is None:
        return y
    name = _as(graph, y.name, graph.dtype, "float64")
    name = graph.node("Mul", name, _constant(graph, "units_width", units.width, "float64"), near="units")
    shift = _constant(graph, "units_shift", units.shift, "float64")
    return Named(graph.node("Add", name, shift, near="units"), y.shape)


def _as(graph: OnnxGraph, name: str, now: str, wanted: str) -> str:
    return name if now == wanted else graph.node("Cast", name, near="type", to=_type(wanted))


def _constant(graph: OnnxGraph, name: str, values: Array | float, dtype: str) -> str:
    count = sum(known.startswith(name) for known in graph.constants)  # scales behind scales
    return graph.constant(f"{name}{count or ''}", values, dtype)


def _tensor(name: str, shape: tuple[int, ...], dtype: str) -> Any:
    return onnx_module().helper.make_tensor_value_info(name, _type(dtype), ["N", *shape])


def _type(dtype: str) -> int:
    return int(onnx_module().helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def onnx_module() -> Any:
    """Return the package onnx; raise EngineError where it is not installed."""
    try:
        import onnx
        import onnx.numpy_helper
    except ModuleNotFoundError as error:
        if error.name != "onnx":
            raise
        raise EngineError("onnx_is_not_installed", hint="pip install 'koubai[onnx]'") from None
    return onnx
