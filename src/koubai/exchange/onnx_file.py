"""An ONNX file read with care: what it says of itself is checked before memory is taken, nothing is executed.

Arrays may lie in files beside it, below its own folder and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from koubai.core.errors import DataError
from koubai.core.memory import require_memory
from koubai.core.params import Array
from koubai.data.files import decoding, open_regular, real
from koubai.exchange.to_onnx import onnx_module
from koubai.words.phrase import phrase

MOST_NODES = 5000  # as many as layers in a network
MOST_BYTES = 1 << 31  # what protobuf can hold
COPIES = 3  # of the file: as read, parsed, as arrays
_LARGEST = 1 << 31  # numbers in an array
_AXES = 8  # of an array
_TYPES = {1: np.float32, 11: np.float64, 6: np.int32, 7: np.int64, 9: np.bool_}  # of onnx.TensorProto


@dataclass(frozen=True)
class OnnxNode:
    """One operation: `settings` are its attributes by name, as numbers, texts, lists or arrays."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class OnnxFile:
    """What a file holds: one graph from one input to one output.

    | field      | meaning                                                                  |
    |------------|--------------------------------------------------------------------------|
    | nodes      | in an order in which they can be computed                                |
    | constants  | arrays by name                                                           |
    | x, y       | names of the input and of the output                                     |
    | shape      | of one sample; None for an axis whose size the file leaves open          |
    | dtype      | of the input: "float32" or "float64"                                     |
    | opset      | version of the operators                                                 |
    | properties | texts by name                                                            |
    """

    nodes: tuple[OnnxNode, ...]
    constants: Mapping[str, Array]
    x: str
    y: str
    shape: tuple[int | None, ...]
    dtype: str
    opset: int
    properties: Mapping[str, str]


def read_onnx(path: str | Path) -> OnnxFile:
    """Return what an ONNX file holds.

    Raises:
        EngineError: onnx is not installed.
        DataError: no such file, no ONNX, arrays that are not what they say, or several inputs or outputs.
        TooLarge: more than the memory holds.
    """
    onnx, path = onnx_module(), Path(path)
    if not path.exists():
        raise DataError("is_not_there", where=str(path))
    with decoding(path), open_regular(path) as file:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise DataError(
                "onnx_file_is_too_large", where=str(path), expected=f"<= {MOST_BYTES:,}", got=size
            )
        require_memory({"parameters": COPIES * size}, str(path))
        model = onnx.ModelProto.FromString(file.read(size))
        return _checked(model, path)


def _checked(model: Any, path: Path) -> OnnxFile:
    graph, where = model.graph, str(path)
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    if not graph.node or opsets.get("", opsets.get("ai.onnx", 0)) < 1:
        raise DataError("not_an_onnx_model", where=where)
    if len(graph.node) > MOST_NODES:
        raise DataError("onnx_has_too_many_nodes", where=where, expected=MOST_NODES, got=len(graph.node))
    if len(graph.sparse_initializer) or len(model.functions):
        raise DataError("onnx_is_not_understood", where=where, got="sparse_initializer, functions")
    outside = sum(_declared(tensor) for tensor in graph.initializer if tensor.data_location == 1)
    require_memory({"parameters": COPIES * outside}, where)  # several may be one and the same bytes
    constants = {tensor.name: array_of(tensor, path) for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise DataError(
            "onnx_has_not_one_input_and_output",
            where=where,
            got=f"{[v.name for v in inputs]}, {[v.name for v in graph.output]}",
        )
    x, kind = inputs[0].name, inputs[0].type.tensor_type
    if kind.elem_type not in (1, 11):
        raise DataError("onnx_input_is_not_float", where=where, got=kind.elem_type)
    dims = [int(d.dim_value) if d.HasField("dim_value") and d.dim_value > 0 else None for d in kind.shape.dim]
    nodes = tuple(_node(node, i, path) for i, node in enumerate(graph.node))
    _ordered(nodes, {x, *constants, ""}, where)
    return OnnxFile(
        nodes,
        constants,
        x,
        graph.output[0].name,
        tuple(dims[1:]),
        "float64" if kind.elem_type == 11 else "float32",
        opsets.get("", opsets.get("ai.onnx", 0)),
        {entry.key: entry.value for entry in model.metadata_props},
    )


def _node(node: Any, number: int, path: Path) -> OnnxNode:
    settings = {attribute.name: _value(attribute, path) for attribute in node.attribute}
    kind = node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"
    name = node.name or f"{kind}_{number}"
    return OnnxNode(name, kind, tuple(node.input), tuple(node.output), settings)


def _value(attribute: Any, path: Path) -> Any:
    """Return an attribute as a plain value; graphs inside are None, and what uses them is refused."""
    if attribute.type == 3:
        return attribute.s.decode("utf-8", "replace")
    if attribute.type == 4 and attribute.t.data_location != 1:
        return array_of(attribute.t, path)
    name = {1: "f", 2: "i", 6: "floats", 7: "ints"}.get(attribute.type)
    value = None if name is None else getattr(attribute, name)
    return value if value is None or isinstance(value, int | float) else list(value)


def _ordered(nodes: tuple[OnnxNode, ...], known: set[str], where: str) -> None:
    """Refuse a name that is computed twice, or used before it is there: no way leads round in a circle."""
    for node in nodes:
        for name in node.inputs:
            if name not in known:
                raise DataError("onnx_name_is_not_there", name=name, where=f"{where}: {node.name}")
        for name in node.outputs:
            if name and name in known:
                raise DataError("onnx_name_is_given_twice", name=name, where=f"{where}: {node.name}")
        known |= set(node.outputs)


def array_of(tensor: Any, path: Path) -> Array:
    """Return a tensor's array; what it holds must be just what its shape says."""
    from onnx import numpy_helper

    where = f"{path}: {tensor.name}"
    if tensor.data_type not in _TYPES:
        raise DataError("onnx_array_has_another_type", where=where, got=_type_name(tensor.data_type))
    dtype, shape = np.dtype(_TYPES[tensor.data_type]), tuple(tensor.dims[: _AXES + 1])
    count = prod(shape)
    if any(size < 0 for size in shape) or count > _LARGEST or len(shape) > _AXES:
        raise DataError("not_a_shape_of_an_array", where=where, got=shape)
    if tensor.data_location == 1:
        data = _beside(tensor, path, count * dtype.itemsize, where)
        return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype).reshape(shape)
    if tensor.raw_data and len(tensor.raw_data) != count * dtype.itemsize:
        raise DataError(
            "size_does_not_match_shape",
            where=where,
            expected=count * dtype.itemsize,
            got=len(tensor.raw_data),
        )
    array = numpy_helper.to_array(tensor)
    if array.shape != shape:
        raise DataError("size_does_not_match_shape", where=where, expected=shape, got=array.shape)
    return np.array(array)


def _beside(tensor: Any, path: Path, size: int, where: str) -> bytes:
    """Return the bytes of an array that lie in another file, which must be below the model's folder."""
    told = {entry.key: entry.value for entry in tensor.external_data}
    home = real(path.parent)
    place = real(path.parent / told.get("location", ""))
    if not place.is_relative_to(home) or place == home:
        raise DataError(
            "leads_out_of_folder_of_model", folder=home, where=where, got=told.get("location", "")
        )
    try:
        offset, length = int(told.get("offset", 0)), int(told.get("length", size))
    except ValueError:
        offset = length = -1
    with open_regular(place) as file:
        there = place.stat().st_size
        if length != size or offset < 0 or offset + size > there:
            raise DataError(
                "size_does_not_match_shape",
                where=where,
                expected=phrase("bytes_counted", count=size),
                got=f"{told.get('offset', 0)} + {told.get('length', size)} / {there}",
            )
        file.seek(offset)
        return file.read(size)


def _declared(tensor: Any) -> int:
    """Return how many bytes an array says it has."""
    return (
        prod(max(0, size) for size in tensor.dims[:_AXES])
        * np.dtype(_TYPES.get(tensor.data_type, "u1")).itemsize
    )


def _type_name(number: int) -> str:
    from onnx import TensorProto

    known = dict(zip(TensorProto.DataType.values(), TensorProto.DataType.keys(), strict=True))
    return str(known.get(number, number))
