"""Concatenate: branches side by side, their outputs joined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from koubai.core.errors import SettingError, ShapeError
from koubai.core.layer import LAYERS, Cell, Layer
from koubai.core.params import Array, Shape
from koubai.core.verbs import Builder, Handle


@LAYERS.register
@dataclass(frozen=True, init=False)
class Concatenate(Layer):
    """y = [branch_0(x), branch_1(x), ...] along axis 1;  dx = sum_i branch_i'(dy_i).

    | symbol | name                              | shape                  |
    |--------|-----------------------------------|------------------------|
    | x      | input of every branch             | (N, ...)               |
    | y      | channels (or features) joined     | (N, sum_i C_i, S)      |

    Raises ShapeError if branches differ in more than their channels. An Identity() among the branches
    keeps the input (dense connections). Source: Szegedy et al. 2015, sec. 4; Huang et al. 2017, eq. (2).
    """

    branches: tuple[Layer, ...]

    def __init__(self, *branches: Layer) -> None:
        if not branches:
            raise SettingError("needs_a_branch", where="Concatenate")
        object.__setattr__(self, "branches", tuple(branches))

    def with_field(self, name: str, value: Any) -> Layer:
        """Return a copy with other branches."""
        return type(self)(*value)

    def children(self) -> dict[str, Layer]:
        """Position -> branch."""
        return {str(i): branch for i, branch in enumerate(self.branches)}

    def output_shape(self, shape: Shape) -> Shape:
        """(sum_i C_i, S)."""
        shapes = [branch.output_shape(shape) for branch in self.branches]
        if len({inner[1:] for inner in shapes}) > 1:
            raise ShapeError(
                "branches_differ_in_shape",
                shape=f"(C, {', '.join(map(str, shapes[0][1:]))})",
                got=", ".join(map(str, shapes)),
            )
        return (sum(inner[0] for inner in shapes), *shapes[0][1:])

    def forward(self, cell: Cell, x: Array) -> Array:
        """x -> y (N, sum_i C_i, S)."""
        return np.concatenate([branch.forward(x) for branch in cell.children.values()], axis=1)

    def backward(self, cell: Cell, dy: Array) -> Array:
        """dy (N, sum_i C_i, S) -> dx."""
        ends = np.cumsum([branch.out_shape[0] for branch in cell.children.values()])
        parts = np.split(dy, ends[:-1], axis=1)
        dxs = [branch.backward(part) for branch, part in zip(cell.children.values(), parts, strict=True)]
        return np.sum(dxs, axis=0)

    # ------------------------------------------------------------------------------------ lowering

    def lower(self, build: Builder, x: Handle) -> Handle:
        """Every branch, then the join."""
        return build.concatenate([build.child(name, x) for name in self.children()])
