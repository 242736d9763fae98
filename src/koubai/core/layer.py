"""Layer: a formula. Cell: the place in one network where a formula is applied.

A layer is a frozen description; it can be hashed, compared, written to TOML. Everything that changes
while a network runs (parameters, gradients, running statistics, what backward needs) lies in a cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from koubai.core.arrays import batch, is_batch
from koubai.core.errors import ShapeError, TooLarge
from koubai.core.params import Array, BufferSpec, ParamSpec, Shape
from koubai.core.registry import Registry
from koubai.words.phrase import phrase

LAYERS = Registry("layer")
MOST_LAYERS, MOST_LEVELS = 5000, 64  # more take minutes to compile, or more of Python's stack than there is


@dataclass(frozen=True)
class Layer:
    """Base of all layers. Shapes in rules are without the batch axis N.

    A layer file holds, in this order: the docstring with the formula, its fields, the shape rule,
    `forward` with `backward` under it, then a ruler, and below it `lower`.

    What a layer is, it says itself; whoever judges networks asks these and no name:

    | trait       | meaning                                                                          |
    |-------------|----------------------------------------------------------------------------------|
    | unit_axis   | the axis of `weight` along which its units lie; None: no weighted sums of inputs |
    | affine      | y = A x + b for one sample, with A and b that do not depend on x                 |
    | normalizes  | brings its input to mean 0 and variance 1, or to one of them                     |
    | over_batch  | in training, the other samples of a batch have a say in the answer for one       |
    | random      | draws numbers in training, and in training only                                  |
    | gives       | what y is: "values", "probabilities" (each by itself), "shares" (that add up)    |
    """

    registry_name: ClassVar[str] = ""
    unit_axis: ClassVar[int | None] = None
    affine: ClassVar[bool] = False
    normalizes: ClassVar[bool] = False
    over_batch: ClassVar[bool] = False
    random: ClassVar[bool] = False
    gives: ClassVar[str] = "values"

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of y for an x of `shape`; raise ShapeError with the arithmetic if none fits."""
        return shape

    def params(self, shape: Shape) -> dict[str, ParamSpec]:
        """Return the parameters this layer trains on inputs of `shape`, by name."""
        return {}

    def buffers(self, shape: Shape) -> dict[str, BufferSpec]:
        """Return the tensors this layer keeps but does not train, by name."""
        return {}

    def children(self) -> dict[str, Layer]:
        """Return the layers inside this one, by the name that enters their path."""
        return {}

    def child_shape(self, name: str, shape: Shape, before: Mapping[str, Cell]) -> Shape:
        """Return the input shape of child `name`, given that of this layer and the children before it."""
        return shape

    def multiply_adds(self, shape: Shape) -> int:
        """Return the multiply-adds of one forward pass on one sample."""
        return 0

    def forward(self, cell: Cell, x: Array) -> Array:
        """Compute y from x, saving in the cell what `backward` needs."""
        raise NotImplementedError(f"{type(self).__name__}.forward")

    def backward(self, cell: Cell, dy: Array) -> Array:
        """Compute dx from dy, and store the gradients of the parameters in the cell."""
        raise NotImplementedError(f"{type(self).__name__}.backward")

    def lower(self, build: Any, x: Any) -> Any:
        """Express the layer in verbs (koubai.core.verbs) and return the handle of y.

        A layer without a lowering runs its reference formula inside the engine, and the engine's listing
        says so.
        """
        raise NotImplementedError(f"{type(self).__name__}.lower")

    def with_field(self, name: str, value: Any) -> Layer:
        """Return a copy with one field replaced; layers whose constructor takes other arguments override."""
        return replace(self, **{name: value})

    @classmethod
    def has_lowering(cls) -> bool:
        """Return whether this layer speaks to engines in verbs."""
        return cls.lower is not Layer.lower


@dataclass(eq=False)
class Cell:
    """One layer at one place of one network: its path, shapes, parameters, gradients, saved tensors.

    `cell.weight` is the parameter (or buffer) named weight.
    """

    layer: Layer
    path: str
    in_shape: Shape
    out_shape: Shape
    children: dict[str, Cell] = field(default_factory=dict)
    params: dict[str, Array] = field(default_factory=dict)
    grads: dict[str, Array] = field(default_factory=dict)
    buffers: dict[str, Array] = field(default_factory=dict)
    saved: tuple[Any, ...] = ()
    training: bool = False
    seed: int = 0
    step: int = 0
    taps: dict[tuple[str, str], Array] | None = None

    def __getattr__(self, name: str) -> Array:
        for tensors in (self.__dict__.get("params", {}), self.__dict__.get("buffers", {})):
            if name in tensors:
                return tensors[name]
        raise AttributeError(name)

    def forward(self, x: Array) -> Array:
        """Run this cell's layer forward on x (n, *in_shape).

        Raises:
            ShapeError: x has another shape; names the path.
            DataError: no real numbers.
        """
        if not is_batch(x, self.in_shape):
            x = batch(x, self.in_shape, "x", self.path or "network")
        y = self.layer.forward(self, x)
        if self.taps is not None and not self.children:
            self.taps[self.path, "activation"] = y
        return y

    def backward(self, dy: Array) -> Array:
        """Run this cell's layer backward on dy (n, *out_shape); raises as `forward` does."""
        if not is_batch(dy, self.out_shape):
            dy = batch(dy, self.out_shape, "dy", self.path or "network")
        if self.taps is not None and not self.children:
            self.taps[self.path, "activation_gradient"] = dy
        return self.layer.backward(self, dy)

    def save(self, *tensors: Any) -> None:
        """Keep tensors for `backward`."""
        self.saved = tensors

    def grad(self, **gradients: Array) -> None:
        """Store gradients of parameters: cell.grad(weight=dW, bias=db)."""
        self.grads.update(gradients)

    def walk(self) -> Iterator[Cell]:
        """Yield this cell and all below it, in forward order."""
        yield self
        for child in self.children.values():
            yield from child.walk()


def check_extent(layer: Layer) -> None:
    """Raise TooLarge for more layers, or layers inside layers, than can be compiled; without recursion."""
    level, count, levels = [layer], 0, 0
    while level:
        count, levels = count + len(level), levels + 1
        if count > MOST_LAYERS:
            raise TooLarge(
                "too_many_layers", where="network", expected=f"<= {MOST_LAYERS}", got=f">= {count}"
            )
        if levels > MOST_LEVELS:
            raise TooLarge("layers_too_deep", where="network", expected=f"<= {MOST_LEVELS}")
        inner = [child for outer in level for child in outer.children().values()]
        level = [child for child in inner if isinstance(child, Layer)]  # what is none is told elsewhere


def wire(layer: Layer, path: str, shape: Shape) -> Cell:
    """Resolve shapes through a tree of layers and return its tree of cells.

    An error of a shape rule gets the path of the layer that raised it, and passes on.
    """
    prefix = f"{path}." if path else ""
    children: dict[str, Cell] = {}
    for name, child in layer.children().items():
        inner = layer.child_shape(name, shape, children)
        children[name] = wire(child, f"{prefix}{name}", inner)
    try:
        out_shape = layer.output_shape(shape)
    except ShapeError as error:
        if error.where is None:
            kind = type(layer).__name__
            inside = phrase("place.layer", path=path, kind=kind)
            error.where = inside if path else phrase("place.network", kind=kind)
        raise
    return Cell(layer, path, shape, out_shape, children)
