"""Residual: a layer learns what to add to its input."""

from __future__ import annotations

from dataclasses import dataclass

from koubai.core.errors import ShapeError
from koubai.core.layer import LAYERS, Cell, Layer
from koubai.core.params import Array, Shape
from koubai.core.verbs import Builder, Handle


@LAYERS.register
@dataclass(frozen=True)
class Residual(Layer):
    """y = body(x) + shortcut(x);  dx = body'(dy) + shortcut'(dy).

    | symbol   | name                                     | shape    |
    |----------|------------------------------------------|----------|
    | x        | input                                    | (N, ...) |
    | y        | output                                   | (N, ...) |
    | shortcut | identity, or a layer that fits the shape |          |

    Raises ShapeError if the two sides differ in shape. Source: He et al. 2016, eqs. (1) and (2).
    """

    body: Layer
    shortcut: Layer | None = None

    def children(self) -> dict[str, Layer]:
        """Body, and the shortcut unless it is the identity."""
        return {"body": self.body} | ({} if self.shortcut is None else {"shortcut": self.shortcut})

    def output_shape(self, shape: Shape) -> Shape:
        """The shape both sides put out."""
        body = self.body.output_shape(shape)
        shortcut = shape if self.shortcut is None else self.shortcut.output_shape(shape)
        if body != shortcut:
            raise ShapeError("body_and_shortcut_differ_in_shape", shortcut=shortcut, body=body)
        return body

    def forward(self, cell: Cell, x: Array) -> Array:
        """x -> y."""
        shortcut = cell.children.get("shortcut")
        return cell.children["body"].forward(x) + (x if shortcut is None else shortcut.forward(x))

    def backward(self, cell: Cell, dy: Array) -> Array:
        """dy -> dx."""
        shortcut = cell.children.get("shortcut")
        return cell.children["body"].backward(dy) + (dy if shortcut is None else shortcut.backward(dy))

    # ------------------------------------------------------------------------------------ lowering

    def lower(self, build: Builder, x: Handle) -> Handle:
        """Both sides, then their sum."""
        body = build.child("body", x)
        return build.add(body, x if self.shortcut is None else build.child("shortcut", x))
