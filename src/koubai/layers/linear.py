"""Linear: every output is a weighted sum of all inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from koubai.core.checks import whole
from koubai.core.errors import ShapeError
from koubai.core.layer import LAYERS, Cell, Layer
from koubai.core.params import Array, ParamSpec, Shape
from koubai.core.verbs import Builder, Handle
from koubai.initializers.constant import Zeros
from koubai.initializers.initializer import Initializer
from koubai.words.phrase import phrase


@LAYERS.register
@dataclass(frozen=True)
class Linear(Layer):
    """Affine map of a row of features.

        y = x W + b

    | symbol | name          | shape      |
    |--------|---------------|------------|
    | x      | input         | (N, F)     |
    | W      | weight        | (F, G)     |
    | b      | bias          | (G,)       |
    | y      | output        | (N, G)     |

    G is `out_features`. Raises ShapeError if x has more than one feature axis (put Flatten before it).
    Source: Rumelhart, Hinton, Williams 1986, eq. (1).
    """

    unit_axis: ClassVar[int | None] = 1
    affine: ClassVar[bool] = True

    out_features: int
    bias: bool = True
    weight_init: Initializer | None = None
    bias_init: Initializer = Zeros()

    def __post_init__(self) -> None:
        whole(self, 1, out_features=self.out_features)

    def output_shape(self, shape: Shape) -> Shape:
        """(F,) -> (G,)."""
        if len(shape) != 1:
            features = " x ".join(map(str, shape))
            raise ShapeError(
                "takes_one_axis_of_features",
                expected="(F,)",
                got=shape,
                hint=phrase("put_flatten_before_it_to_count", count=features),
            )
        return (self.out_features,)

    def params(self, shape: Shape) -> dict[str, ParamSpec]:
        """W (F, G) and b (G,)."""
        fan_in, fan_out = shape[0], self.out_features
        specs = {"weight": ParamSpec((fan_in, fan_out), self.weight_init, fan_in, fan_out)}
        if self.bias:
            specs["bias"] = ParamSpec((fan_out,), self.bias_init, fan_in, fan_out, penalized=False)
        return specs

    def multiply_adds(self, shape: Shape) -> int:
        """F G."""
        return shape[0] * self.out_features

    def forward(self, cell: Cell, x: Array) -> Array:
        """x (N, F) -> y (N, G)."""
        cell.save(x)
        y = x @ cell.weight
        return y + cell.bias if self.bias else y

    def backward(self, cell: Cell, dy: Array) -> Array:
        """dy (N, G) -> dx (N, F); dW = x^T dy, db = sum over N of dy."""
        (x,) = cell.saved
        cell.grad(weight=x.T @ dy)
        if self.bias:
            cell.grad(bias=dy.sum(axis=0))
        return dy @ cell.weight.T

    # ------------------------------------------------------------------------------------ lowering

    def lower(self, build: Builder, x: Handle) -> Handle:
        """One verb."""
        return build.linear(x, build.param("weight"), build.param("bias") if self.bias else None)
