"""Convolution: the same small weighted sum at every place, in one or two dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd, prod
from typing import ClassVar

from koubai.core.checks import whole
from koubai.core.errors import ShapeError, UnknownName
from koubai.core.layer import LAYERS, Cell, Layer
from koubai.core.params import Array, ParamSpec, Shape
from koubai.core.verbs import Builder, Handle
from koubai.initializers.constant import Zeros
from koubai.initializers.initializer import Initializer
from koubai.layers.im2col import col2im, im2col
from koubai.layers.padding import (
    PADDING_MODES,
    PaddingMode,
    check_reflection,
    pad,
    pad_backward,
    places,
    stream_of,
)
from koubai.layers.window import Window, check_rank, per_axis
from koubai.words.phrase import phrase


def check_groups(C: int, M: int, G: int) -> None:
    """Raise ShapeError unless C channels in and M channels out divide into G groups."""
    if C % G or M % G:
        fitting = [g for g in range(1, gcd(C, M) + 1) if gcd(C, M) % g == 0]
        raise ShapeError(
            "channels_do_not_divide_into_groups",
            choices=", ".join(map(str, fitting)),
            expected=phrase("channels_both_multiples_of_groups", channels=C, out=M, groups=G),
            got=phrase("remainders_and", one=C % G, other=M % G),
        )


class SlidesFilters(Layer):
    """Marks the layers with filters: convolutions, also depthwise and transposed ones."""

    unit_axis: ClassVar[int | None] = 0
    affine: ClassVar[bool] = True

    @property
    def window(self) -> Window:
        """Kernel, stride, padding and dilation of every axis."""
        raise NotImplementedError


@dataclass(frozen=True)
class Convolution(SlidesFilters):
    """Cross-correlation of x with M filters; groups g = 1 .. G see C / G channels each.

        y[n, m, s] = b[m] + sum_c sum_k W[m, c, k] x[n, c, stride s + dilation k - padding]

    As a matrix product, with cols = im2col(x), for each sample and each group:

        y = W cols + b      dW = sum_n dy cols^T      dcols = W^T dy, dx = col2im(dcols)

    | symbol | name                              | shape                  |
    |--------|-----------------------------------|------------------------|
    | x      | input, S = (L,) or (H, W)         | (N, C, S)              |
    | W      | weight, K = kernel                | (M, C / G, K)          |
    | b      | bias                              | (M,)                   |
    | y      | output, P = out_size of each axis | (N, M, P)              |
    | cols   | windows                           | (N, G, C/G K, P)       |

    M is `out_channels`, G is `groups`; kernel, stride, padding and dilation are one int, or one per axis.
    What lies outside x is 0, or as `padding_mode` says (koubai.layers.padding): "reflect", "replicate", or
    "random", which shows places of x drawn again for every step.

    Raises ShapeError for another number of axes, a window that does not fit, or channels that do not
    divide into the groups. Sources: LeCun et al. 1998; groups: Krizhevsky et al. 2012, sec. 3.5; dilation:
    Yu and Koltun 2016, eq. (2).
    """

    rank: ClassVar[int]
    out_channels: int
    kernel: int | tuple[int, ...]
    stride: int | tuple[int, ...] = 1
    padding: int | tuple[int, ...] = 0
    dilation: int | tuple[int, ...] = 1
    groups: int = 1
    bias: bool = True
    weight_init: Initializer | None = None
    bias_init: Initializer = Zeros()
    padding_mode: PaddingMode = "zeros"

    def __post_init__(self) -> None:
        window = self.window
        whole(self, 1, out_channels=self.out_channels, kernel=window.kernel, stride=window.stride)
        whole(self, 1, dilation=window.dilation, groups=self.groups)
        whole(self, 0, padding=window.padding)
        if self.padding_mode not in PADDING_MODES:
            raise UnknownName("padding mode", self.padding_mode, PADDING_MODES, where=type(self).__name__)

    @property
    def window(self) -> Window:
        """Kernel, stride, padding and dilation of every axis."""
        settings = (self.kernel, self.stride, self.padding, self.dilation)
        return Window(*(per_axis(value, self.rank) for value in settings))

    @property
    def shows_itself(self) -> bool:
        """Whether the padding shows places of x, so that x is padded before the windows are laid."""
        return self.padding_mode != "zeros" and any(self.window.padding)

    def output_shape(self, shape: Shape) -> Shape:
        """(C, S) -> (M, P)."""
        check_rank(shape, self.rank)
        check_groups(shape[0], self.out_channels, self.groups)
        if self.padding_mode == "reflect":
            check_reflection(shape[1:], self.window.padding)
        return (self.out_channels, *self.window.out(shape[1:]))

    def params(self, shape: Shape) -> dict[str, ParamSpec]:
        """W (M, C / G, K) and b (M,)."""
        kernel, M, inner = self.window.kernel, self.out_channels, shape[0] // self.groups
        fan_in, fan_out = inner * prod(kernel), M // self.groups * prod(kernel)
        specs = {"weight": ParamSpec((M, inner, *kernel), self.weight_init, fan_in, fan_out)}
        if self.bias:
            specs["bias"] = ParamSpec((M,), self.bias_init, fan_in, fan_out, penalized=False)
        return specs

    def multiply_adds(self, shape: Shape) -> int:
        """P M C/G K."""
        return prod(self.output_shape(shape)) * (shape[0] // self.groups) * prod(self.window.kernel)

    def forward(self, cell: Cell, x: Array) -> Array:
        """x (N, C, S) -> y (N, M, P)."""
        N, G, M, w, shown = len(x), self.groups, self.out_channels, self.window, None
        if self.shows_itself:
            stream = stream_of(cell.seed, cell.path, cell.step, cell.training)
            shown = places(x.shape[2:], w.padding, self.padding_mode, stream)
            x, w = pad(x, shown, w.padding), w.without_padding()
        cols = im2col(x, w.kernel, stride=w.stride, padding=w.padding, dilation=w.dilation)
        cols = cols.reshape(N, G, cols.shape[1] // G, cols.shape[2])
        W = cell.weight.reshape(G, M // G, cols.shape[2])
        y = (W @ cols).reshape(N, *cell.out_shape)
        cell.save(x.shape, cols, shown)
        return y + cell.bias.reshape(M, *(1,) * self.rank) if self.bias else y

    def backward(self, cell: Cell, dy: Array) -> Array:
        """dy (N, M, P) -> dx (N, C, S); dW = sum_n dy cols^T, db = sum over N and P of dy."""
        shape, cols, shown = cell.saved
        N, G, M = len(dy), self.groups, self.out_channels
        w = self.window if shown is None else self.window.without_padding()
        if self.bias:
            cell.grad(bias=dy.reshape(N, M, cols.shape[3]).sum(axis=(0, 2)))
        dy = dy.reshape(N, G, M // G, cols.shape[3])
        cell.grad(weight=(dy @ cols.swapaxes(2, 3)).sum(axis=0).reshape(cell.weight.shape))
        W = cell.weight.reshape(G, M // G, cols.shape[2])
        dcols = W.swapaxes(1, 2) @ dy
        dx = col2im(dcols, shape, w.kernel, stride=w.stride, padding=w.padding, dilation=w.dilation)
        return dx if shown is None else pad_backward(dx, shown, cell.in_shape[1:])

    # ------------------------------------------------------------------------------------ lowering

    def lower(self, build: Builder, x: Handle) -> Handle:
        """One verb, behind another that pads x where the padding is not 0."""
        window = self.window
        if self.shows_itself:
            x, window = build.pad(x, window.padding, self.padding_mode), window.without_padding()
        return build.convolve(
            x,
            build.param("weight"),
            build.param("bias") if self.bias else None,
            stride=window.stride,
            padding=window.padding,
            dilation=window.dilation,
            groups=self.groups,
        )


@LAYERS.register
@dataclass(frozen=True)
class Conv1d(Convolution):
    """Convolution along one axis: sound and other series, x (N, C, L)."""

    rank = 1


@LAYERS.register
@dataclass(frozen=True)
class Conv2d(Convolution):
    """Convolution over images, x (N, C, H, W)."""

    rank = 2
