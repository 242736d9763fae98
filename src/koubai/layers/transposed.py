"""Transposed convolution: the adjoint of a convolution, used as a layer that makes pictures larger."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from koubai.core.checks import whole
from koubai.core.errors import SettingError, ShapeError
from koubai.core.layer import LAYERS, Cell
from koubai.core.params import Array, ParamSpec, Shape
from koubai.core.verbs import Builder, Handle
from koubai.initializers.constant import Zeros
from koubai.initializers.initializer import Initializer
from koubai.layers.convolution import SlidesFilters, check_groups
from koubai.layers.im2col import col2im, im2col
from koubai.layers.window import Window, check_rank, per_axis
from koubai.words.phrase import phrase


@dataclass(frozen=True)
class ConvTranspose(SlidesFilters):
    """Every element of x adds a filter times itself to y: what `Convolution.backward` does to dy.

        y[n, m, s] = b[m] + sum of W[c, m, k] x[n, c, i]  where  stride i + dilation k - padding = s

    As a matrix product, for each sample and each group, x as rows of channels:

        y = col2im(W^T x) + b        dcols = im2col(dy),  dx = W dcols,  dW = sum_n x dcols^T

    | symbol | name                                          | shape             |
    |--------|-----------------------------------------------|-------------------|
    | x      | input, S = (L,) or (H, W)                     | (N, C, S)         |
    | W      | weight, K = kernel                            | (C, M / G, K)     |
    | b      | bias                                          | (M,)              |
    | y      | output                                        | (N, M, P)         |

    P = stride (S - 1) + dilation (K - 1) + 1 - 2 padding + output_padding on each axis: a convolution with
    the same numbers leads from P back to S, and `output_padding`, below the stride, says from which of the P
    that do so. (Also called deconvolution, which it is not: it does not undo a convolution.)
    Sources: Zeiler et al. 2010; Dumoulin and Visin 2016, relationship 14.
    """

    unit_axis: ClassVar[int | None] = 1

    rank: ClassVar[int]
    out_channels: int
    kernel: int | tuple[int, ...]
    stride: int | tuple[int, ...] = 1
    padding: int | tuple[int, ...] = 0
    output_padding: int | tuple[int, ...] = 0
    dilation: int | tuple[int, ...] = 1
    groups: int = 1
    bias: bool = True
    weight_init: Initializer | None = None
    bias_init: Initializer = Zeros()

    def __post_init__(self) -> None:
        window, more = self.window, per_axis(self.output_padding, self.rank)
        whole(self, 1, out_channels=self.out_channels, kernel=window.kernel, stride=window.stride)
        whole(self, 1, dilation=window.dilation, groups=self.groups)
        whole(self, 0, padding=window.padding, output_padding=more)
        if any(extra >= stride for extra, stride in zip(more, window.stride, strict=True)):
            raise SettingError(
                "out_of_range",
                setting="output_padding",
                where=type(self).__name__,
                expected=phrase("less_than_stride", stride=self.stride),
                got=self.output_padding,
            )

    @property
    def window(self) -> Window:
        """Kernel, stride, padding and dilation of every axis."""
        settings = (self.kernel, self.stride, self.padding, self.dilation)
        return Window(*(per_axis(value, self.rank) for value in settings))

    def output_shape(self, shape: Shape) -> Shape:
        """(C, S) -> (M, P)."""
        check_rank(shape, self.rank)
        check_groups(shape[0], self.out_channels, self.groups)
        w = self.window
        numbers = zip(
            shape[1:], w.kernel, w.stride, w.padding, w.dilation, per_axis(self.output_padding, self.rank),
            strict=True,
        )  # fmt: skip
        out = tuple(s * (n - 1) + d * (k - 1) + 1 - 2 * p + extra for n, k, s, p, d, extra in numbers)
        if min(out) < 1:
            raise ShapeError("nothing_is_left_of_the_output", got=out)
        return (self.out_channels, *out)

    def params(self, shape: Shape) -> dict[str, ParamSpec]:
        """W (C, M / G, K) and b (M,); an output is a sum over about C / G K / stride elements."""
        w, C, M, G = self.window, shape[0], self.out_channels, self.groups
        fan_in = max(1, C // G * prod(w.kernel) // prod(w.stride))
        fan_out = M // G * prod(w.kernel)
        specs = {"weight": ParamSpec((C, M // G, *w.kernel), self.weight_init, fan_in, fan_out)}
        if self.bias:
            specs["bias"] = ParamSpec((M,), self.bias_init, fan_in, fan_out, penalized=False)
        return specs

    def multiply_adds(self, shape: Shape) -> int:
        """S C M/G K."""
        return prod(shape) * (self.out_channels // self.groups) * prod(self.window.kernel)

    def _grouped(self, cell: Cell, x: Array) -> tuple[Array, Array]:
        """W (G, C/G, M/G K) and x (N, G, C/G, S)."""
        G, C = self.groups, cell.in_shape[0]
        columns = self.out_channels // G * prod(self.window.kernel)
        return cell.weight.reshape(G, C // G, columns), x.reshape(len(x), G, C // G, prod(cell.in_shape[1:]))

    def forward(self, cell: Cell, x: Array) -> Array:
        """x (N, C, S) -> y (N, M, P)."""
        w, shape = self.window, (len(x), *cell.out_shape)
        W, x = self._grouped(cell, x)
        cols = W.swapaxes(1, 2) @ x
        y = col2im(cols, shape, w.kernel, stride=w.stride, padding=w.padding, dilation=w.dilation)
        cell.save(x)
        return y + cell.bias.reshape(-1, *(1,) * self.rank) if self.bias else y

    def backward(self, cell: Cell, dy: Array) -> Array:
        """dy (N, M, P) -> dx (N, C, S); dW = sum_n x dcols^T, db = sum over N and P of dy."""
        (x,), w = cell.saved, self.window
        if self.bias:
            cell.grad(bias=dy.sum(axis=(0, *range(2, dy.ndim))))
        W, _ = self._grouped(cell, x)
        dcols = im2col(dy, w.kernel, stride=w.stride, padding=w.padding, dilation=w.dilation)
        dcols = dcols.reshape(len(x), self.groups, W.shape[2], x.shape[3])
        cell.grad(weight=(x @ dcols.swapaxes(2, 3)).sum(axis=0).reshape(cell.weight.shape))
        return (W @ dcols).reshape(len(x), *cell.in_shape)

    # ------------------------------------------------------------------------------------ lowering

    def lower(self, build: Builder, x: Handle) -> Handle:
        """One verb."""
        w = self.window
        return build.convolve_transposed(
            x,
            build.param("weight"),
            build.param("bias") if self.bias else None,
            stride=w.stride,
            padding=w.padding,
            output_padding=per_axis(self.output_padding, self.rank),
            dilation=w.dilation,
            groups=self.groups,
        )


@LAYERS.register
@dataclass(frozen=True)
class ConvTranspose1d(ConvTranspose):
    """Transposed convolution along one axis, x (N, C, L)."""

    rank = 1


@LAYERS.register
@dataclass(frozen=True)
class ConvTranspose2d(ConvTranspose):
    """Transposed convolution of images, x (N, C, H, W): it makes them larger."""

    rank = 2
