"""The way through an ONNX graph, from input to output, as steps: nodes, and forks that close again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from koubai.core.params import Array, Shape
from koubai.exchange.onnx_file import OnnxFile, OnnxNode

_MOVED = ("Identity", "Reshape", "Transpose", "Unsqueeze", "Squeeze")  # arrays of any size
_FOR_FEW = ("Cast", "Gather", "Concat", "ConstantOfShape", "Slice")
FOLDED = (*_MOVED, *_FOR_FEW)
_FEW = 1000  # numbers that are computed with here, such as the sizes of a shape
_CASTS: dict[int, type] = {1: np.float32, 11: np.float64, 6: np.int32, 7: np.int64}
_AXIS_AND_STEP = (np.array([0]), np.array([1]))  # of a Slice, where it does not say them
_ROOT2 = np.sqrt(np.float32(2))


class Knot(Exception):
    """A way that is no chain of layers with forks; `node` is where."""

    def __init__(self, node: OnnxNode, why: str = "") -> None:
        super().__init__(why)
        self.node, self.why = node, why


@dataclass(frozen=True)
class OnnxStep:
    """What is done next: one node; or "add" or "concatenate" of ways that begin at the same place.

    `kind` is else the operator, or what several nodes are together: "silu", "mish", "gelu", "step".
    """

    node: OnnxNode
    kind: str
    inner: tuple[tuple[OnnxStep, ...], ...] = ()


class Ways:
    """A graph's ways from `x`; constants are what does not depend on it."""

    def __init__(self, file: OnnxFile, shape: Shape) -> None:
        self.file = file
        self.makers = {name: node for node in file.nodes for name in node.outputs if name}
        self._constants: dict[str, Array] = dict(file.constants)
        self._before: dict[str, str] = {}  # the nearest place that all ways to a place lead through
        self._depth = {file.x: 0}
        self._taken: set[str] = set()
        self.shapes: dict[str, Shape] = {file.x: shape}  # of places as the file has them, if they are known
        held = [value for node in file.nodes for value in node.settings.values()]
        held += file.constants.values()
        self._room = sum(value.nbytes for value in held if isinstance(value, np.ndarray))
        for node in file.nodes:
            moving = [name for name in node.inputs if name in self._depth and not self._is_constant(node)]
            if moving:
                at = moving[0]
                for other in moving[1:]:
                    at = self.meeting(at, other)
                for name in filter(None, node.outputs):
                    self._before[name], self._depth[name] = at, self._depth[at] + 1

    def meeting(self, one: str, other: str) -> str:
        """Return the nearest place that all ways to both places lead through."""
        while one != other:
            if self._depth[one] < self._depth[other]:
                one, other = other, one
            one = self._before[one]
        return one

    def moves(self, name: str) -> bool:
        """Whether a place depends on the input."""
        return name in self._depth

    @staticmethod
    def _is_constant(node: OnnxNode) -> bool:
        return node.kind in ("Constant", "Shape")

    # ------------------------------------------------------------------------------------ constants

    def constant(self, name: str) -> Array | None:
        """Return the array of a name, None where the file does not say it; a batch axis in a shape is 0."""
        if name and name not in self._constants and name in self.makers and not self.moves(name):
            found = self._fold(self.makers[name])
            if found is not None:
                self._constants[name] = found
        return self._constants.get(name) if name else None

    def _fold(self, node: OnnxNode) -> Array | None:
        if node.kind == "Constant":
            return _constant_of(node)
        if node.kind == "Shape" and node.inputs[0] in self.shapes:
            return np.array([0, *self.shapes[node.inputs[0]]], np.int64)
        if node.kind not in FOLDED:
            return None
        arrays: list[Array] = []
        for name in node.inputs:
            array = self.constant(name)
            if array is None:  # at once: what is not known is asked again each time
                return None
            arrays.append(array)
        return self._folded(node, arrays) if arrays else None

    def _folded(self, node: OnnxNode, arrays: list[Array]) -> Array | None:
        """Return what a node makes of constants; copies of arrays take as much room as these, and no more."""
        if node.kind not in _MOVED:
            return _computed(node, arrays) if sum(array.size for array in arrays) <= _FEW else None
        found = _moved(node, arrays)
        if not np.may_share_memory(found, arrays[0]):  # such as a Reshape behind a Transpose
            self._room -= found.nbytes
        return found if self._room >= 0 else None

    # ------------------------------------------------------------------------------------ ways

    def steps(self, start: str, end: str) -> tuple[OnnxStep, ...]:
        """Return the steps from one place to another, which all ways to it lead through.

        Raises:
            Knot: there is no such chain.
        """
        found = []
        while end != start:
            step, end = self._last(end)
            found.append(step)
        return tuple(reversed(found))

    def _last(self, end: str) -> tuple[OnnxStep, str]:
        """Return the step that ends at a place, and where it begins."""
        node = self.makers.get(end)
        if node is None or not self.moves(end):
            raise Knot(self.file.nodes[-1], "constant")
        if end in self._taken:  # its layer would be there twice
            raise Knot(node)
        self._taken.add(end)
        moving = [name for name in node.inputs if self.moves(name)]
        if known := self._several(node, moving):
            return known
        if len(moving) == 1:
            alone = node.kind in ("Concat", "Sum") and len(node.inputs) == 1
            return OnnxStep(node, "Identity" if alone else node.kind), moving[0]
        kinds: dict[str, Literal["add", "concatenate"]] = {
            "Add": "add",
            "Sum": "add",
            "Concat": "concatenate",
        }
        if node.kind not in kinds or len(moving) != len(node.inputs):
            raise Knot(node)
        at = moving[0]
        for other in moving[1:]:
            at = self.meeting(at, other)
        return OnnxStep(node, kinds[node.kind], tuple(self.steps(at, name) for name in moving)), at

    def _several(self, node: OnnxNode, moving: list[str]) -> tuple[OnnxStep, str] | None:
        """Return the step of nodes that are one function together, as exporters write it."""
        if node.kind == "Mul" and len(moving) == 2:
            for x, gate in (moving, moving[::-1]):
                if self._made(gate, "Sigmoid", x):
                    return OnnxStep(node, "silu"), x
                made = self.makers.get(gate)
                if made and made.kind == "Tanh" and self._made(made.inputs[0], "Softplus", x):
                    return OnnxStep(node, "mish"), x
        if node.kind == "Mul" and len(moving) == 1 and self._is(node, 0.5):
            return self._gelu(node, moving[0])
        if node.kind == "Where" and len(moving) == 3 and self._made(moving[0], "IsNaN", moving[1]):
            above = self.makers.get(moving[2])
            if above is not None and above.kind == "CastLike" and above.inputs[1] == moving[1]:
                compared = self.makers.get(above.inputs[0])
                if compared is not None and compared.kind == "GreaterOrEqual" and self._is(compared, 0.0):
                    return OnnxStep(node, "step"), moving[1]
        return None

    def _gelu(self, node: OnnxNode, product: str) -> tuple[OnnxStep, str] | None:
        """x (1 + erf(x / sqrt 2)) / 2, as it is written before opset 20."""
        made = self.makers.get(product)
        if made is None or made.kind != "Mul" or not all(map(self.moves, made.inputs)):
            return None
        for x, gate in (made.inputs, made.inputs[::-1]):
            plus = self.makers.get(gate)
            if plus is None or plus.kind != "Add" or not self._is(plus, 1.0):
                continue
            erf = self.makers.get(next(filter(self.moves, plus.inputs), ""))
            inner = None if erf is None or erf.kind != "Erf" else self.makers.get(erf.inputs[0])
            if inner is not None and inner.kind == "Div" and inner.inputs[0] == x and self._is(inner, _ROOT2):
                return OnnxStep(node, "gelu"), x
        return None

    def _made(self, name: str, kind: str, x: str) -> bool:
        node = self.makers.get(name)
        return node is not None and node.kind == kind and node.inputs[0] == x

    def _is(self, node: OnnxNode, value: float) -> bool:
        """Whether a node's constant input is one number, this one."""
        found = [self.constant(name) for name in node.inputs if not self.moves(name)]
        return (
            len(found) == 1
            and found[0] is not None
            and found[0].size == 1
            and np.float32(found[0].reshape(())) == np.float32(value)
        )


def _constant_of(node: OnnxNode) -> Array | None:
    """Return the array of a node Constant, in whichever way it holds it."""
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        value = node.settings.get(name)
        if value is not None and not isinstance(value, str):
            kind = {"value_float": np.float32, "value_floats": np.float32}.get(name)
            return np.asarray(value, kind)
    return None


def _moved(node: OnnxNode, arrays: list[Array]) -> Array:
    """Return the same numbers in another shape, without a copy where that can be.

    Raises ValueError, IndexError where the sizes cannot be.
    """
    first = arrays[0]
    sizes = [int(size) for size in arrays[1].reshape(-1)[:8]] if len(arrays) > 1 else []
    axes = tuple(node.settings.get("axes") or sizes)
    match node.kind:
        case "Reshape":
            return first.reshape([first.shape[i] if size == 0 else size for i, size in enumerate(sizes)])
        case "Transpose":
            return first.transpose(node.settings.get("perm"))
        case "Unsqueeze":
            return np.expand_dims(first, axes)
        case "Squeeze":
            return np.squeeze(first, axes or None)
    return first


def _computed(node: OnnxNode, arrays: list[Array]) -> Array | None:
    """Return what a node makes of few numbers; None where that is too much, or not done here."""
    first = arrays[0]
    found: Array | None = None
    match node.kind:
        case "Cast" if (to := _CASTS.get(node.settings.get("to", 0))) is not None:
            found = first.astype(to)
        case "Gather":
            found = np.take(first, arrays[1], axis=node.settings.get("axis", 0))
        case "Concat":
            found = np.concatenate(arrays, axis=node.settings.get("axis", 0))
        case "ConstantOfShape" if first.size == 1 and 0 <= first.reshape(()) <= _FEW:
            value = node.settings.get("value")
            found = np.full(int(first.reshape(())), 0.0 if value is None else value.reshape(-1)[0])
        case "Slice" if len(arrays) >= 3:
            (start, *more), (end, *_), axes, (step, *_) = (
                [int(n) for n in array.reshape(-1)]
                for array in (*arrays[1:], *_AXIS_AND_STEP[len(arrays) - 3 :])
            )
            if not more and axes == [0]:
                found = first[start:end:step]
    return found
