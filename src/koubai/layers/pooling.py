"""Pooling: what maximum and average pooling share."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from koubai.core.checks import whole
from koubai.core.errors import SettingError
from koubai.core.layer import Layer
from koubai.core.params import Array, Shape
from koubai.core.verbs import Builder, Handle
from koubai.layers.im2col import col2im, im2col
from koubai.layers.window import Window, check_rank, per_axis
from koubai.words.phrase import phrase


@dataclass(frozen=True)
class Pooling(Layer):
    """One number of every window, channel by channel: (N, C, S) -> (N, C, P).

    `size`, `stride` and `padding` are one int, or one per axis. Without a stride it is the size; smaller ones
    let windows overlap (Krizhevsky et al. 2012, sec. 3.4). The padding is at most half of the size.
    """

    rank: ClassVar[int]
    kind: ClassVar[str]
    size: int | tuple[int, ...]
    stride: int | tuple[int, ...] | None = None
    padding: int | tuple[int, ...] = 0

    def __post_init__(self) -> None:
        window = self.window
        whole(self, 1, size=window.kernel, stride=window.stride)
        whole(self, 0, padding=window.padding)
        if any(2 * p > k for k, p in zip(window.kernel, window.padding, strict=True)):
            raise SettingError(
                "out_of_range",
                setting="padding",
                where=type(self).__name__,
                expected=phrase("at_most_half_of_size", size=self.size),
                got=self.padding,
            )

    @property
    def window(self) -> Window:
        """Size, stride and padding of every axis."""
        size = per_axis(self.size, self.rank)
        stride = size if self.stride is None else per_axis(self.stride, self.rank)
        return Window(size, stride, per_axis(self.padding, self.rank), per_axis(1, self.rank))

    def output_shape(self, shape: Shape) -> Shape:
        """(C, S) -> (C, P)."""
        check_rank(shape, self.rank)
        return (shape[0], *self.window.out(shape[1:]))

    def windows(self, x: Array, fill: float) -> Array:
        """The K elements of each of the P windows: (N, C, S) -> (N, C, K, P)."""
        window = self.window
        cols = im2col(x, window.kernel, stride=window.stride, padding=window.padding, fill=fill)
        return cols.reshape(*x.shape[:2], prod(window.kernel), cols.shape[2])

    def scatter(self, dwindows: Array, shape: Shape) -> Array:
        """Gradients of the windows added up where they lay: (N, C, K, P) -> (N, C, S)."""
        window = self.window
        return col2im(dwindows, shape, window.kernel, stride=window.stride, padding=window.padding)

    # ------------------------------------------------------------------------------------ lowering

    def lower(self, build: Builder, x: Handle) -> Handle:
        """One verb."""
        window = self.window
        return build.pool(x, self.kind, size=window.kernel, stride=window.stride, padding=window.padding)
