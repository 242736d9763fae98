"""The verbs as nodes of an ONNX graph, as at test time: a layer that can be lowered can be written.

Operators are those of opset 21; formulas are named where ONNX has another convention than koubai.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from koubai.core.errors import EngineError
from koubai.core.layer import Cell
from koubai.core.params import Array, Shape
from koubai.layers.padding import padded_shape, places, stream_of
from koubai.layers.rectifiers import SELU
from koubai.words.phrase import phrase

_POINTWISE = {
    "identity": "Identity",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "exponential": "Exp",
    "relu": "Relu",
    "leaky_relu": "LeakyRelu",
    "elu": "Elu",
    "selu": "Selu",
    "gelu": "Gelu",
    "mish": "Mish",
    "softplus": "Softplus",
}
_PADS = {"reflect": "reflect", "replicate": "edge"}


@dataclass(frozen=True)
class Named:
    """A tensor of the graph by its name; `shape` is without the batch axis if it has one."""

    name: str
    shape: Shape


class OnnxGraph:
    """Nodes and constants of a graph as they are added; every name is given once."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype
        self.nodes: list[Any] = []
        self.constants: dict[str, Array] = {}

    def node(self, kind: str, *inputs: str, near: str = "", **settings: Any) -> str:
        """Add a node and return the name of its output."""
        from onnx import helper

        name = f"{near or 'x'}/{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **settings))
        return name

    def constant(self, name: str, values: Any, dtype: str | None = None) -> str:
        """Add an array under a name, once, and return the name."""
        self.constants.setdefault(name, np.ascontiguousarray(values, dtype or self.dtype))
        return name

    def sizes(self, *numbers: int) -> str:
        """Whole numbers as a constant, such as a shape; -1 is the batch axis."""
        return self.constant("sizes_" + "_".join(map(str, numbers)), np.array(numbers, np.int64), "int64")


class OnnxBuilder:
    """Lowers one cell of a network into a graph. Letters: N batch, C channels, S space."""

    def __init__(self, graph: OnnxGraph, cell: Cell) -> None:
        self._graph, self._cell = graph, cell

    def _add(self, kind: str, shape: Shape, *inputs: Named | str, **settings: Any) -> Named:
        names = [item if isinstance(item, str) else item.name for item in inputs]
        return Named(self._graph.node(kind, *names, near=self._cell.path, **settings), shape)

    def _array(self, name: str, values: Array) -> Named:
        path = f"{self._cell.path}.{name}" if self._cell.path else name
        return Named(self._graph.constant(path, values), values.shape)

    def param(self, name: str) -> Named:
        """Return the cell's parameter, under its path."""
        return self._array(name, self._cell.params[name])

    def buffer(self, name: str) -> Named:
        """Return the cell's buffer, under its path."""
        return self._array(name, self._cell.buffers[name])

    def child(self, name: str, x: Named) -> Named:
        """Lower the cell's child."""
        return lower(self._graph, self._cell.children[name], x)

    def linear(self, x: Named, weight: Named, bias: Named | None) -> Named:
        """Gemm without transposition: W is (F, G) here too."""
        return self._add("Gemm", weight.shape[1:], x, weight, *([bias] if bias else []))

    def convolve(self, x: Named, weight: Named, bias: Named | None, **window: Any) -> Named:
        """Conv: a cross-correlation there too."""
        return self._slide("Conv", x, weight, bias, **window)

    def convolve_transposed(
        self, x: Named, weight: Named, bias: Named | None, *, output_padding: Sequence[int], **window: Any
    ) -> Named:
        """ConvTranspose, whose weight is (C, M / groups, K) too."""
        return self._slide("ConvTranspose", x, weight, bias, **window, output_padding=list(output_padding))

    def _slide(
        self,
        kind: str,
        x: Named,
        weight: Named,
        bias: Named | None,
        *,
        stride: Sequence[int],
        padding: Sequence[int],
        dilation: Sequence[int],
        groups: int,
        **more: Any,
    ) -> Named:
        inputs = (x, weight, *([bias] if bias else []))
        window = {"strides": list(stride), "pads": [*padding, *padding], "dilations": list(dilation)}
        return self._add(kind, self._cell.out_shape, *inputs, **window, **more, group=groups)

    def pad(self, x: Named, padding: Sequence[int], mode: str) -> Named:
        """Pad; random padding shows fixed places at test time, and these are gathered."""
        C, *space = x.shape
        around, shape = tuple(padding), (C, *padded_shape(tuple(space), tuple(padding)))
        if mode in _PADS:
            pads = self._graph.sizes(0, 0, *around, 0, 0, *around)
            return self._add("Pad", shape, x, pads, mode=_PADS[mode])
        shown = places(tuple(space), around, mode, stream_of(0, self._cell.path, 0, False))
        flat = self._shaped(x, (C, int(np.prod(space))))
        path = f"{self._cell.path}.places"
        gathered = self._add(
            "Gather", (C, len(shown)), flat, self._graph.constant(path, shown, "int64"), axis=2
        )
        return self._shaped(gathered, shape)

    def pool(
        self, x: Named, kind: str, *, size: Sequence[int], stride: Sequence[int], padding: Sequence[int]
    ) -> Named:
        """Padding never wins the maximum, and counts as zeros in the average."""
        numbers = {"kernel_shape": list(size), "strides": list(stride), "pads": [*padding, *padding]}
        if kind == "max":
            return self._add("MaxPool", self._cell.out_shape, x, **numbers)
        return self._add("AveragePool", self._cell.out_shape, x, count_include_pad=1, **numbers)

    def batch_norm(
        self,
        x: Named,
        gamma: Named | None,
        beta: Named | None,
        mean: Named,
        variance: Named,
        *,
        momentum: float,
        epsilon: float,
    ) -> Named:
        """With the running statistics."""
        C = x.shape[:1]
        gamma = gamma or self._array("gamma", np.ones(C))
        beta = beta or self._array("beta", np.zeros(C))
        return self._add("BatchNormalization", x.shape, x, gamma, beta, mean, variance, epsilon=epsilon)

    def layer_norm(self, x: Named, gamma: Named, beta: Named, *, epsilon: float) -> Named:
        """Over all axes of a sample."""
        return self._add("LayerNormalization", x.shape, x, gamma, beta, axis=1, epsilon=epsilon)

    def group_norm(self, x: Named, gamma: Named, beta: Named, *, groups: int, epsilon: float) -> Named:
        """GroupNormalization wants a space axis."""
        wide = self._shaped(x, (*x.shape, 1)) if len(x.shape) == 1 else x
        y = self._add("GroupNormalization", wide.shape, wide, gamma, beta, num_groups=groups, epsilon=epsilon)
        return self._shaped(y, x.shape)

    def local_response(self, x: Named, *, size: int, k: float, alpha: float, beta: float) -> Named:
        """ONNX divides alpha by the size, and wants two space axes."""
        shape = (*x.shape, 1, 1)[:3]
        y = self._add("LRN", shape, self._shaped(x, shape), size=size, alpha=alpha * size, beta=beta, bias=k)
        return self._shaped(y, x.shape)

    def pointwise(self, x: Named, function: str, **constants: float) -> Named:
        """An activation; ONNX names the slope of a leaky ReLU alpha, and the scale of SELU gamma."""
        if function == "silu":
            return self._add("Mul", x.shape, x, self._add("Sigmoid", x.shape, x))
        if function == "step":  # (x >= 0) + 0 x: NaN stays NaN
            zero = self._graph.constant("zero", 0)
            above = self._add("GreaterOrEqual", x.shape, x, zero)
            one = self._add("CastLike", x.shape, above, x)
            lost = self._add("IsNaN", x.shape, x)
            return self._add("Where", x.shape, lost, x, one)
        if function not in _POINTWISE:
            raise EngineError(
                "onnx_has_no_node",
                function=function,
                where=self._cell.path or None,
                expected=", ".join(sorted([*_POINTWISE, "silu", "step"])),
            )
        settings = {"alpha": constants.pop("slope")} if "slope" in constants else dict(constants)
        if function == "selu":
            settings = {"alpha": SELU.alpha, "gamma": SELU.scale}
        return self._add(_POINTWISE[function], x.shape, x, **settings)

    def prelu(self, x: Named, slope: Named) -> Named:
        """The slopes are brought to the channels' axis."""
        sizes = self._graph.sizes(*slope.shape, *(1,) * (len(x.shape) - 1))
        return self._add("PRelu", x.shape, x, self._add("Reshape", slope.shape, slope, sizes))

    def softmax(self, x: Named) -> Named:
        """Over the last axis."""
        return self._add("Softmax", x.shape, x, axis=-1)

    def dropout(self, x: Named, ratio: float) -> Named:
        """Nothing at test time."""
        return x

    def reshape(self, x: Named, shape: Shape) -> Named:
        """The same elements in C order."""
        return self._shaped(x, tuple(shape))

    def _shaped(self, x: Named, shape: Shape) -> Named:
        return x if x.shape == shape else self._add("Reshape", shape, x, self._graph.sizes(-1, *shape))

    def mean_over_space(self, x: Named) -> Named:
        """ReduceMean over all axes of space."""
        axes = self._graph.sizes(*range(2, len(x.shape) + 1))
        return self._add("ReduceMean", x.shape[:1], x, axes, keepdims=0)

    def add(self, x: Named, y: Named) -> Named:
        """Elementwise sum."""
        return self._add("Add", x.shape, x, y)

    def concatenate(self, xs: Sequence[Named]) -> Named:
        """Join along axis 1."""
        shape = (sum(x.shape[0] for x in xs), *xs[0].shape[1:])
        return self._add("Concat", shape, *xs, axis=1)


def lower(graph: OnnxGraph, cell: Cell, x: Named) -> Named:
    """Lower a cell with its arrays; raise EngineError for a layer that speaks no verbs."""
    if not cell.layer.has_lowering():
        raise EngineError(
            "layer_has_no_lowering_for_onnx",
            where=phrase("place.layer", path=cell.path, kind=type(cell.layer).__name__),
        )
    y: Named = cell.layer.lower(OnnxBuilder(graph, cell), x)
    return y
