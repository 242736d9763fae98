"""Network: a tree of layers resolved for one input shape."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile

import numpy as np

from koubai.core import random
from koubai.core.arrays import is_numbers
from koubai.core.errors import KoubaiError, ShapeError
from koubai.core.layer import Cell, Layer, check_extent, wire
from koubai.core.params import Array, BufferSpec, ParamSpec, Shape
from koubai.initializers.initializer import Initializer
from koubai.initializers.normal import HeNormal
from koubai.words.phrase import term


@dataclass
class Weights:
    """The arrays of a network, by path: trained parameters and kept buffers."""

    params: dict[str, Array] = field(default_factory=dict)
    buffers: dict[str, Array] = field(default_factory=dict)

    def copy(self) -> Weights:
        """Return independent copies of all arrays."""
        return Weights(
            {path: array.copy() for path, array in self.params.items()},
            {path: array.copy() for path, array in self.buffers.items()},
        )


@dataclass(frozen=True)
class Network:
    """A layer tree with its input shape (without the batch axis) and default initializer.

    Paths: the third layer's weight is `2.weight`; inside a composite, `4.body.0.weight`.
    """

    layer: Layer
    in_shape: Shape
    initializer: Initializer = HeNormal()

    @cached_property
    def root(self) -> Cell:
        """The wired tree, without arrays."""
        return self._wire()

    def _wire(self) -> Cell:
        if any(size < 1 for size in self.in_shape):
            raise ShapeError("axis_of_the_input_is_empty", where="network", got=self.in_shape)
        check_extent(self.layer)
        return wire(self.layer, "", self.in_shape)

    @property
    def out_shape(self) -> Shape:
        """Shape of the output without the batch axis."""
        return self.root.out_shape

    @cached_property
    def leaves(self) -> tuple[Cell, ...]:
        """The cells that hold a formula of their own, in forward order."""
        return tuple(cell for cell in self.root.walk() if not cell.children)

    @cached_property
    def param_specs(self) -> dict[str, ParamSpec]:
        """Every parameter by path, in forward order."""
        return {
            join(cell.path, name): spec
            for cell in self.root.walk()
            for name, spec in cell.layer.params(cell.in_shape).items()
        }

    @cached_property
    def untapped(self) -> frozenset[tuple[str, str]]:
        """What is not tapped, as (path, role): gradients of leaves before the first parameter.

        Training has no use for them; computing them for a tap alone would cost a whole product.
        """
        cells = takewhile(lambda cell: not cell.layer.params(cell.in_shape), self.root.walk())
        return frozenset((cell.path, "activation_gradient") for cell in cells if not cell.children)

    @cached_property
    def buffer_specs(self) -> dict[str, BufferSpec]:
        """Every buffer by path, in forward order."""
        return {
            join(cell.path, name): spec
            for cell in self.root.walk()
            for name, spec in cell.layer.buffers(cell.in_shape).items()
        }

    @property
    def parameter_count(self) -> int:
        """Number of trained values."""
        return sum(spec.size for spec in self.param_specs.values())

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of one forward pass on one sample."""
        return sum(cell.layer.multiply_adds(cell.in_shape) for cell in self.leaves)

    def initialize(self, seed: int, dtype: str = "float32") -> Weights:
        """Return initial weights; each depends on the seed and on how many of its name come before it.

        So the third `weight` starts from the same numbers whether or not activations, batch norms or
        dropouts stand between: arms of an experiment that differ in those are paired.
        """
        params = {}
        before: Counter[str] = Counter()
        for path, spec in self.param_specs.items():
            initializer = spec.initializer or self.initializer
            name = path.rpartition(".")[2]
            values = initializer.sample(spec, random.generator(seed, "initialize", name, before[name]))
            before[name] += 1
            params[path] = np.ascontiguousarray(values, dtype=dtype)
        buffers = {
            path: np.full(spec.shape, spec.fill, dtype=dtype) for path, spec in self.buffer_specs.items()
        }
        return Weights(params, buffers)

    def bind(self, weights: Weights, *, training: bool = False, seed: int = 0) -> Cell:
        """Return a fresh tree of cells over these very arrays; the reference formulas run on it."""
        root = self._wire()
        bind(root, weights)
        for cell in root.walk():
            cell.training, cell.seed = training, seed
        return root

    def check(self, weights: Weights) -> None:
        """Raise KoubaiError if arrays do not fit this network: names, shapes, types."""
        for kind, specs, arrays in (
            ("parameter", self.param_specs, weights.params),
            ("buffer", self.buffer_specs, weights.buffers),
        ):
            missing, extra = sorted(set(specs) - set(arrays)), sorted(set(arrays) - set(specs))
            if missing or extra:
                raise KoubaiError(
                    "arrays_of_another_network",
                    kind=term("kind", kind),
                    expected=sorted(specs),
                    got=sorted(arrays),
                )
            for path, spec in specs.items():
                if not is_numbers(arrays[path]):
                    got = type(arrays[path]).__name__
                    raise KoubaiError("not_an_array_of_numbers", kind=term("kind", kind), where=path, got=got)
                if arrays[path].shape != tuple(spec.shape):
                    raise KoubaiError(
                        "kind_has_another_shape",
                        kind=term("kind", kind),
                        where=path,
                        expected=spec.shape,
                        got=arrays[path].shape,
                    )

    def _repr_html_(self) -> str:
        from koubai.core.markup import block, table
        from koubai.network.summary import table_rows

        return block(table(table_rows(self), right=(3, 4)))


def bind(root: Cell, weights: Weights) -> None:
    """Have a tree of cells work on these very arrays, which are found by path."""
    for cell in root.walk():
        for name in cell.layer.params(cell.in_shape):
            cell.params[name] = weights.params[join(cell.path, name)]
        for name in cell.layer.buffers(cell.in_shape):
            cell.buffers[name] = weights.buffers[join(cell.path, name)]


def join(path: str, name: str) -> str:
    """Return the path of something inside `path`."""
    return f"{path}.{name}" if path else name
