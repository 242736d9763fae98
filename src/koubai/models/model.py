"""Model: a layer that stands for a whole network built from a few settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from koubai.core.errors import UnknownName
from koubai.core.layer import LAYERS, Cell, Layer
from koubai.core.params import Array, BufferSpec, ParamSpec, Shape
from koubai.core.registry import Registry
from koubai.core.verbs import Builder, Handle
from koubai.layers.activations import Activation

MODELS = Registry("model")
M = TypeVar("M", bound="type[Model]")


@dataclass(frozen=True)
class Model(Layer):
    """Base of all models: `expand` gives the tree of layers that the model is.

    A model adds no level of its own: everything asked of it is answered by that tree, so the weight of
    its third layer lies at `2.weight`.
    """

    def expand(self) -> Layer:
        """Return the layers."""
        raise NotImplementedError

    @cached_property
    def tree(self) -> Layer:
        """The layers, made once."""
        return self.expand()

    def output_shape(self, shape: Shape) -> Shape:
        """That of the tree."""
        return self.tree.output_shape(shape)

    def params(self, shape: Shape) -> dict[str, ParamSpec]:
        """Those of the tree's top."""
        return self.tree.params(shape)

    def buffers(self, shape: Shape) -> dict[str, BufferSpec]:
        """Those of the tree's top."""
        return self.tree.buffers(shape)

    def children(self) -> dict[str, Layer]:
        """Those of the tree."""
        return self.tree.children()

    def child_shape(self, name: str, shape: Shape, before: Mapping[str, Cell]) -> Shape:
        """That of the tree."""
        return self.tree.child_shape(name, shape, before)

    def multiply_adds(self, shape: Shape) -> int:
        """Those of the tree's top."""
        return self.tree.multiply_adds(shape)

    def forward(self, cell: Cell, x: Array) -> Array:
        """That of the tree."""
        return self.tree.forward(cell, x)

    def backward(self, cell: Cell, dy: Array) -> Array:
        """That of the tree."""
        return self.tree.backward(cell, dy)

    # ------------------------------------------------------------------------------------ lowering

    def lower(self, build: Builder, x: Handle) -> Handle:
        """That of the tree."""
        return self.tree.lower(build, x)


def register(cls: M) -> M:
    """Class decorator: make a model known among the models, and among the layers by the same name."""
    LAYERS.register(cls)
    return MODELS.register(cls)


def activation_named(name: str, where: str) -> Activation:
    """Return the activation of a registry name with its default settings; raise UnknownName."""
    choices = [known for known, cls in LAYERS.items() if issubclass(cls, Activation)]
    spelled = name.replace("-", "_")
    if spelled not in choices:
        raise UnknownName("activation", name, choices, where=where)
    return LAYERS[spelled]()
