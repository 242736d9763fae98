"""GraphBuilder: the engine's side of the verbs. Lowerings call it; it records a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from koubai.core.layer import Cell
from koubai.core.params import Shape
from koubai.engines.native.graph import Graph, Node, Stored, Unsupported, Value
from koubai.engines.native.kernels.activations import FUNCTIONS
from koubai.engines.native.kernels.max_pool import NOWHERE
from koubai.layers.padding import padded_shape
from koubai.layers.window import out_size
from koubai.network.network import Network, join


class GraphBuilder:
    """Records verbs; a layer without lowering, or with one that cannot be served, becomes a `formula` node.

    `formulas` are the paths of layers that are to run their formula although they have a lowering, and why.
    """

    def __init__(self, network: Network, formulas: Mapping[str, str]) -> None:
        self._cell, self._formulas = network.root, formulas
        self._nodes: list[Node] = []
        self._leaves: dict[str, Value] = {}
        self._input = Value(network.in_shape)

    def graph(self) -> Graph:
        """Lower the whole network."""
        output = self._lower(self._cell, self._input)
        return Graph(self._input, output, self._nodes, self._leaves)

    def _lower(self, cell: Cell, x: Value) -> Value:
        outer, nodes, leaves = self._cell, len(self._nodes), dict(self._leaves)
        self._cell = cell
        try:
            if not cell.layer.has_lowering():
                raise Unsupported("the layer has no lowering")
            if cell.path in self._formulas:
                raise Unsupported(self._formulas[cell.path])
            y = cell.layer.lower(self, x)
            if y is x and not cell.children:  # a leaf's own value: in a branch, its gradient differs
                y = self.reshape(x, x.shape)
            if tuple(y.shape) != tuple(cell.out_shape):
                raise Unsupported("the lowering gives another shape than the formula")
        except Unsupported as reason:
            del self._nodes[nodes:]
            self._leaves = leaves
            y = self._formula(cell, x, str(reason))
        finally:
            self._cell = outer
        if not cell.children:
            self._leaves[cell.path] = y
        return y

    def _formula(self, cell: Cell, x: Value, reason: str) -> Value:
        stored = {
            join(inner.path, name): Stored(join(inner.path, name), spec.shape, trained)
            for inner in cell.walk()
            for specs, trained in (
                (inner.layer.params(inner.in_shape), True),
                (inner.layer.buffers(inner.in_shape), False),
            )
            for name, spec in specs.items()
        }
        node = Node(
            "formula", cell.path, (x,), Value(cell.out_shape), stored, {"cell": cell, "reason": reason}
        )
        self._nodes.append(node)
        return node.output

    def _add(
        self,
        op: str,
        inputs: Sequence[Value],
        shape: Shape,
        stored: dict[str, Any] | None = None,
        **settings: Any,
    ) -> Value:
        kept = {name: handle for name, handle in (stored or {}).items() if handle is not None}
        node = Node(op, self._cell.path, tuple(inputs), Value(tuple(shape)), kept, settings)
        self._nodes.append(node)
        return node.output

    def param(self, name: str) -> Stored:
        """The current layer's parameter."""
        cell = self._cell
        return Stored(join(cell.path, name), cell.layer.params(cell.in_shape)[name].shape, True)

    def buffer(self, name: str) -> Stored:
        """The current layer's buffer."""
        cell = self._cell
        return Stored(join(cell.path, name), cell.layer.buffers(cell.in_shape)[name].shape, False)

    def child(self, name: str, x: Value) -> Value:
        """Lower a child of the current layer."""
        return self._lower(self._cell.children[name], x)

    def linear(self, x: Value, weight: Stored, bias: Stored | None) -> Value:
        """y = x W + b."""
        return self._add("linear", (x,), (weight.shape[1],), {"weight": weight, "bias": bias})

    def convolve(
        self,
        x: Value,
        weight: Stored,
        bias: Stored | None,
        *,
        stride: Sequence[int],
        padding: Sequence[int],
        dilation: Sequence[int],
        groups: int,
    ) -> Value:
        """Cross-correlation."""
        kernel = weight.shape[2:]
        out = map(out_size, x.shape[1:], kernel, stride, padding, dilation)
        return self._add(
            "convolve", (x,), (weight.shape[0], *out), {"weight": weight, "bias": bias},
            stride=tuple(stride), padding=tuple(padding), dilation=tuple(dilation), groups=groups,
        )  # fmt: skip

    def convolve_transposed(
        self,
        x: Value,
        weight: Stored,
        bias: Stored | None,
        *,
        stride: Sequence[int],
        padding: Sequence[int],
        output_padding: Sequence[int],
        dilation: Sequence[int],
        groups: int,
    ) -> Value:
        """Has no kernel here."""
        raise Unsupported("no kernel for transposed convolution")

    def pad(self, x: Value, padding: Sequence[int], mode: str) -> Value:
        """Places of x around x."""
        if mode == "random":
            raise Unsupported("no kernel for places drawn at random")
        shape = (x.shape[0], *padded_shape(x.shape[1:], tuple(padding)))
        return self._add("pad", (x,), shape, padding=tuple(padding), mode=mode)

    def pool(
        self, x: Value, kind: str, *, size: Sequence[int], stride: Sequence[int], padding: Sequence[int]
    ) -> Value:
        """Pooling of windows."""
        if kind not in ("max", "average") or prod(size) > NOWHERE or len(size) > 2:
            raise Unsupported(f"no kernel for {kind} pooling of windows of {tuple(size)}")
        out = map(out_size, x.shape[1:], size, stride, padding)
        return self._add(
            f"{kind}_pool",
            (x,),
            (x.shape[0], *out),
            size=tuple(size),
            stride=tuple(stride),
            padding=tuple(padding),
        )

    def batch_norm(
        self,
        x: Value,
        gamma: Stored | None,
        beta: Stored | None,
        mean: Stored,
        variance: Stored,
        *,
        momentum: float,
        epsilon: float,
    ) -> Value:
        """Normalize every channel over the batch."""
        stored = {"gamma": gamma, "beta": beta, "mean": mean, "variance": variance}
        return self._add("batch_norm", (x,), x.shape, stored, momentum=momentum, epsilon=epsilon)

    def layer_norm(self, x: Value, gamma: Stored, beta: Stored, *, epsilon: float) -> Value:
        """Normalize every sample."""
        return self._add("layer_norm", (x,), x.shape, {"gamma": gamma, "beta": beta}, epsilon=epsilon)

    def group_norm(self, x: Value, gamma: Stored, beta: Stored, *, groups: int, epsilon: float) -> Value:
        """Normalize every group of channels of every sample."""
        stored = {"gamma": gamma, "beta": beta}
        return self._add("group_norm", (x,), x.shape, stored, groups=groups, epsilon=epsilon)

    def local_response(self, x: Value, *, size: int, k: float, alpha: float, beta: float) -> Value:
        """Damp every channel by its neighbors."""
        return self._add("local_response", (x,), x.shape, size=size, k=k, alpha=alpha, beta=beta)

    def pointwise(self, x: Value, function: str, **constants: float) -> Value:
        """An activation by its registry name."""
        if function == "identity":
            return x
        if function not in FUNCTIONS or len(constants) > 1:
            raise Unsupported(f"no kernel for {function}")
        constant = next(iter(constants.values()), 0.0)
        return self._add("pointwise", (x,), x.shape, function=function, constant=constant)

    def prelu(self, x: Value, slope: Stored) -> Value:
        """A leaky ReLU with slopes that are learned."""
        return self._add("prelu", (x,), x.shape, {"slope": slope})

    def softmax(self, x: Value) -> Value:
        """Softmax over the last axis."""
        if len(x.shape) != 1:
            raise Unsupported("softmax over one of several axes")
        return self._add("softmax", (x,), x.shape)

    def dropout(self, x: Value, ratio: float) -> Value:
        """Inverted dropout."""
        return self._add("dropout", (x,), x.shape, ratio=ratio)

    def reshape(self, x: Value, shape: Shape) -> Value:
        """Another shape."""
        return self._add("reshape", (x,), tuple(shape))

    def mean_over_space(self, x: Value) -> Value:
        """Global average pooling."""
        return self._add("mean_over_space", (x,), x.shape[:1])

    def add(self, x: Value, y: Value) -> Value:
        """Elementwise sum."""
        return self._add("add", (x, y), x.shape)

    def concatenate(self, xs: Sequence[Value]) -> Value:
        """Join along axis 1."""
        return self._add("concatenate", xs, (sum(x.shape[0] for x in xs), *xs[0].shape[1:]))
