"""PReLU: a leaky ReLU that learns its slopes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.core.layer import LAYERS, Cell, Layer
from koubai.core.params import Array, ParamSpec, Shape
from koubai.core.verbs import Builder, Handle
from koubai.initializers.constant import Constant
from koubai.layers.batch_norm import beside, but_channels


@LAYERS.register
@dataclass(frozen=True)
class PReLU(Layer):
    """y = x for x > 0, else a x, with a slope a that is learned, one for each channel.

        dx = dy  or  a dy (at the kink a dy)        da = sum of dy x over the places where x <= 0

    | symbol | name                                   | shape               |
    |--------|----------------------------------------|---------------------|
    | x, y   | input, output                          | (N, C) or (N, C, S) |
    | a      | slope, from `initial`                  | (C,), or (1,)       |

    `shared` True gives all channels one slope. Penalties leave slopes alone: pulled to 0 they would make
    ReLUs. Source: He et al. 2015, "Delving deep into rectifiers", eqs. (1) to (3).
    """

    initial: float = 0.25
    shared: bool = False

    def params(self, shape: Shape) -> dict[str, ParamSpec]:
        """The slopes."""
        return {
            "slope": ParamSpec((1 if self.shared else shape[0],), Constant(self.initial), penalized=False)
        }

    def forward(self, cell: Cell, x: Array) -> Array:
        """x -> y."""
        cell.save(x)
        return np.where(x > 0, x, beside(cell.slope, x) * x)

    def backward(self, cell: Cell, dy: Array) -> Array:
        """dy -> dx; da of each channel, or of all together."""
        (x,) = cell.saved
        below = np.where(x > 0, dy.dtype.type(0), dy * x)
        da = below.sum(axis=but_channels(below))
        cell.grad(slope=da.sum(keepdims=True) if self.shared else da)
        return np.where(x > 0, dy, beside(cell.slope, x) * dy)

    # ------------------------------------------------------------------------------------ lowering

    def lower(self, build: Builder, x: Handle) -> Handle:
        """One verb."""
        return build.prelu(x, build.param("slope"))
