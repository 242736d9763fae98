"""Sequential: layers one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from koubai.core.layer import LAYERS, Cell, Layer
from koubai.core.params import Array, Shape
from koubai.core.verbs import Builder, Handle, lower_child


@LAYERS.register
@dataclass(frozen=True, init=False)
class Sequential(Layer):
    """Composition of layers.

        y = f_n( ... f_2(f_1(x)))        dx = f_1'( ... f_n'(dy))   (chain rule, last layer first)

    Children are named by their position, so a parameter's path reads `3.weight`.
    """

    layers: tuple[Layer, ...]

    def __init__(self, *layers: Layer) -> None:
        object.__setattr__(self, "layers", tuple(layers))

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __getitem__(self, position: int) -> Layer:
        return self.layers[position]

    def with_field(self, name: str, value: Any) -> Layer:
        """Return a copy with other layers."""
        return type(self)(*value)

    def children(self) -> dict[str, Layer]:
        """Position -> layer."""
        return {str(i): layer for i, layer in enumerate(self.layers)}

    def child_shape(self, name: str, shape: Shape, before: Mapping[str, Cell]) -> Shape:
        """What the layer before it puts out."""
        return before[str(int(name) - 1)].out_shape if before else shape

    def output_shape(self, shape: Shape) -> Shape:
        """Shape after the last layer."""
        for layer in self.layers:
            shape = layer.output_shape(shape)
        return shape

    def forward(self, cell: Cell, x: Array) -> Array:
        """x -> y, first to last."""
        for child in cell.children.values():
            x = child.forward(x)
        return x

    def backward(self, cell: Cell, dy: Array) -> Array:
        """dy -> dx, last to first."""
        for child in reversed(cell.children.values()):
            dy = child.backward(dy)
        return dy

    # ------------------------------------------------------------------------------------ lowering

    def lower(self, build: Builder, x: Handle) -> Handle:
        """Its children in order."""
        return lower_child(build, self, x)
