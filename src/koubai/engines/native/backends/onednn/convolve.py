"""Convolution, by oneDNN."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from koubai.core.params import Shape
from koubai.engines.native.backends.onednn import one_channel, primitives, winograd
from koubai.engines.native.backends.onednn.execute import execute
from koubai.engines.native.backends.onednn.library import Unimplemented
from koubai.engines.native.backends.onednn.primitives import BF16, DIRECT, F32, MD, PD, WINOGRAD, Sliding
from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Buffer, Tensor
from koubai.engines.native.kernels import pad
from koubai.engines.native.layout import Layout
from koubai.engines.native.ops.base import BaseOp
from koubai.engines.native.plan import ShardPlan

_FEW_CHANNELS = 4  # an image as it comes: oneDNN has kernels that read it in C order
_BLOCK = 16


@dataclass(frozen=True)
class _Side:
    """A tensor of a convolution: its layout, and the same as oneDNN writes it."""

    layout: Layout
    md: MD

    @classmethod
    def last(cls, rows: int, shape: Shape, *, half: bool = False) -> _Side:
        """Channels last."""
        dtype = BF16 if half else F32
        return cls(Layout.last(rows, shape).as_half(half), MD.channels_last((rows, *shape), dtype))

    @classmethod
    def plain(cls, rows: int, shape: Shape) -> _Side:
        """C order."""
        return cls(Layout.plain(rows, shape), MD.plain((rows, *shape)))

    @classmethod
    def blocked(cls, rows: int, shape: Shape) -> _Side:
        """Channels in blocks of 16; sixteen channels are one block, the same as channels last."""
        return cls(Layout.blocked(rows, shape, _BLOCK), MD.blocked((rows, *shape), _BLOCK))


@dataclass
class _Widening:
    """Zeros put around x, and the window that then needs less padding."""

    amounts: tuple[int, int]
    shape: Shape
    window: Sliding


@dataclass
class _ConvolutionChoice:
    """Primitives for one pair of layouts.

    | field   | meaning                                                                           |
    |---------|-----------------------------------------------------------------------------------|
    | how     | by direct sums, or by Winograd                                                    |
    | widened | more zeros around x: by direct sums for dW alone, by Winograd for all three       |
    | wide    | x with them; x itself where there are none                                        |
    """

    x: _Side
    y: _Side
    how: int
    widened: _Widening | None
    wide: _Side
    forward: PD
    weights: PD | None = None
    data: PD | None = None

    @property
    def inner(self) -> _Side:
        """What forward and dx read and write."""
        return self.wide if self.how == WINOGRAD else self.x


class ConvolveOp(BaseOp):
    """y = W * x + b;  dW and db, dx.

    Weights and their gradients are kept in C order; every step packs them as the primitives want them,
    which costs less than a percent of a step and keeps everything else simple.
    """

    def forward(self, plan: ShardPlan, node: Node) -> None:
        """y."""
        choice = self._choose(plan, node)
        x, y = plan.get(node.inputs[0], choice.x.layout), plan.new(choice.y.layout)
        if one_channel.fits(plan, node, choice.y.layout):
            one_channel.forward(plan, node, x, y)
            plan.set(node.output, y)
            plan.saved[node] = choice, x
            return
        if choice.how == WINOGRAD:
            x = self._wide(plan, node, choice, x, "Winograd takes padding of 1 at most")
        pd, shape = choice.forward, _weight_shape(node)
        w_md = pd.md("weights", shape, choice.x.md.dtype)
        packed = self._packed(plan, node, w_md)
        bias, b_md = node.stored.get("bias"), MD.plain((node.output.shape[0],))
        extra = {"bias": (plan.weight(bias), b_md)} if bias else {}
        execute(plan, pd, src=(x, choice.inner.md), weights=(packed, w_md), dst=(y, choice.y.md), **extra)
        plan.set(node.output, y)
        plan.saved[node] = choice, x

    def backward(self, plan: ShardPlan, node: Node, dy: Tensor) -> None:
        """dW and db, then dx."""
        (value,), (choice, x) = node.inputs, plan.saved[node]
        dy = plan.convert(dy, choice.y.layout)
        if one_channel.fits(plan, node, choice.y.layout) and one_channel.has_weights(plan, node):
            one_channel.backward(plan, node, x, dy)
            return
        self._weights(plan, node, choice, x, dy)
        if plan.wants_gradient(value):
            pd = choice.data
            assert pd is not None  # chosen where a gradient is wanted
            inner = choice.inner
            w_md, dx = pd.md("weights", _weight_shape(node), inner.md.dtype), plan.new(inner.layout)
            packed = self._packed(plan, node, w_md)
            execute(plan, pd, dsrc=(dx, inner.md), weights=(packed, w_md), ddst=(dy, choice.y.md))
            if inner is not choice.x:
                whole, dx = dx, plan.new(choice.x.layout)
                plan.call(pad.cut, self._frame(plan, node, choice, dx, whole), why="dx without the zeros")
            plan.contribute(value, dx)

    def _weights(
        self, plan: ShardPlan, node: Node, choice: _ConvolutionChoice, x: Tensor, dy: Tensor
    ) -> None:
        pd, shape = choice.weights, _weight_shape(node)
        assert pd is not None  # chosen where there is a backward pass
        if choice.how == DIRECT:
            x = self._wide(plan, node, choice, x, "dW needs padding of at most half the kernel")
        bias, b_md = node.stored.get("bias"), MD.plain((node.output.shape[0],))
        extra = {"dbias": (plan.gradient(bias), b_md)} if bias else {}
        md, plain = pd.md("dweights", shape), MD.plain(shape)
        gradient = plan.gradient(node.stored["weight"])
        target = gradient if md == plain else Buffer(md.nbytes)
        execute(plan, pd, src=(x, choice.wide.md), ddst=(dy, choice.y.md), dweights=(target, md), **extra)
        if target is not gradient:
            reorder = primitives.reorder(md, plain)
            execute(plan, reorder, "unpack dW: to the order of W", src=(target, md), dst=(gradient, plain))

    def _wide(self, plan: ShardPlan, node: Node, choice: _ConvolutionChoice, x: Tensor, why: str) -> Tensor:
        """x with the zeros that primitives cannot put around it."""
        if choice.widened is None:
            return x
        wide = plan.new(choice.wide.layout)
        plan.call(pad.surround, self._frame(plan, node, choice, x, wide), why=why)
        return wide

    def _frame(
        self, plan: ShardPlan, node: Node, choice: _ConvolutionChoice, x: Tensor, wide: Tensor
    ) -> pad.Pad:
        """Places of x in the middle of those of `wide`; channels that lie together move together."""
        assert choice.widened is not None
        C, H, W = node.inputs[0].shape
        together = _BLOCK if choice.how == WINOGRAD else C
        images = plan.shard.rows * C // together
        together //= 2 if x.layout.half else 1  # two bfloat16 numbers move as one of float32
        return pad.Pad(x, wide, images, H, W, together, *choice.widened.amounts, 0)

    def _packed(self, plan: ShardPlan, node: Node, md: MD) -> Buffer:
        """W in a primitive's layout."""
        plain, weight = MD.plain(_weight_shape(node)), plan.weight(node.stored["weight"])
        if md == plain:
            return weight
        packed = Buffer(md.nbytes)
        why = "pack W: to the order that is multiplied fastest"
        execute(plan, primitives.reorder(plain, md), why, src=(weight, plain), dst=(packed, md))
        return packed

    # ------------------------------------------------------------------------------------ choosing layouts

    def _choose(self, plan: ShardPlan, node: Node) -> _ConvolutionChoice:
        """By Winograd where that can be; else the first layouts with fast primitives in all directions."""
        rows, reasons = plan.shard.rows, []
        if winograd.fits(plan, node):
            sides = _Side.blocked(rows, node.inputs[0].shape), _Side.blocked(rows, node.output.shape)
            with suppress(Unimplemented):
                return self._try(plan, node, *sides, WINOGRAD)
        for x, y in self._candidates(plan, node):
            try:
                return self._try(plan, node, x, y, DIRECT)
            except Unimplemented as reason:
                reasons.append(str(reason))
        raise Unimplemented(f"convolution {node.path}: {reasons[-1]}")

    def _candidates(self, plan: ShardPlan, node: Node) -> Iterator[tuple[_Side, _Side]]:
        """Layouts of x and y for direct sums, best first.

        Channels last has fast kernels for any number of channels and needs no padding. A first convolution
        of few channels is twice as fast (dW) into blocks of 16; a pooling behind it reads those.
        """
        rows, x, y = plan.shard.rows, node.inputs[0].shape, node.output.shape
        if plan.half and x[0] > 1:  # with a single channel bfloat16 is slower
            yield _Side.last(rows, x, half=True), _Side.last(rows, y, half=True)
        if x[0] <= _FEW_CHANNELS and plan.get(node.inputs[0]).layout.is_plain:
            pooled = plan.feeds_only(node, ("max_pool", "average_pool")) or _relu_then_pool(plan, node)
            if len(y) == 3 and (pooled or y[0] == _BLOCK):
                yield _Side.plain(rows, x), _Side.blocked(rows, y)
            yield _Side.plain(rows, x), _Side.last(rows, y)
        yield _Side.last(rows, x), _Side.last(rows, y)
        yield _Side.plain(rows, x), _Side.plain(rows, y)

    def _try(self, plan: ShardPlan, node: Node, x: _Side, y: _Side, how: int) -> _ConvolutionChoice:
        (value,), s = node.inputs, node.settings
        any_w, any_dw = MD.any(_weight_shape(node), x.md.dtype), MD.any(_weight_shape(node))
        bias = MD.plain((node.output.shape[0],)) if "bias" in node.stored else None
        window = Sliding(s["stride"], s["dilation"], s["padding"])
        half, places = x.layout.half, x.layout.as_half(False)
        last = places == plan.last(value.shape) and not (half and value.shape[0] % 2)
        movable = last or how == WINOGRAD
        widened, wide, wide_window = _widening(node) if movable else None, x, window
        if widened is not None:
            rows, wide_window = plan.shard.rows, widened.window
            if how == WINOGRAD:
                wide = _Side.blocked(rows, widened.shape)
            else:
                wide = _Side.last(rows, widened.shape, half=half)
        x_md, window = (wide.md, wide_window) if how == WINOGRAD else (x.md, window)

        @cache
        def forward(how: int) -> PD:
            return primitives.convolution(x_md, any_w, bias, y.md, window, how)

        def data(how: int) -> PD:
            return primitives.convolution_data(x_md, any_w, y.md, window, forward(how), how)

        def dweights(how: int) -> PD:
            hint = forward(how)
            if x_md is not wide.md:
                hint = primitives.convolution(wide.md, any_w, bias, y.md, wide_window, how)
            return primitives.convolution_weights(wide.md, any_dw, bias, y.md, wide_window, hint, how)

        choice = _ConvolutionChoice(x, y, how, widened, wide, forward(how))
        if plan.training:
            way = how if winograd.gains_dweights(node) else DIRECT
            choice.weights = winograd.first_there(dweights, way)
        if plan.wants_gradient(value):
            choice.data = winograd.first_there(data, how)
        return choice


def _weight_shape(node: Node) -> Shape:
    """(M, C, K), or with groups (G, M / G, C / G, K)."""
    M, inner, *kernel = node.stored["weight"].shape
    G = node.settings["groups"]
    return (M, inner, *kernel) if G == 1 else (G, M // G, inner, *kernel)


def _relu_then_pool(plan: ShardPlan, node: Node) -> bool:
    """Where fusing would make them one; a program with taps does not fuse, but has the same layouts."""
    relu = plan.feeds_only(node, ("pointwise",))
    return bool(relu and relu.settings["function"] == "relu" and plan.feeds_only(relu, ("max_pool",)))


def _widening(node: Node) -> _Widening | None:
    """For two axes of space: what padding exceeds half the kernel, where oneDNN's fast dW ends."""
    s, (C, *space) = node.settings, node.inputs[0].shape
    kernel = node.stored["weight"].shape[2:]
    half = [s_d * (k - 1) // 2 for s_d, k in zip(s["dilation"], kernel, strict=True)]
    extra = [max(0, p - h) for p, h in zip(s["padding"], half, strict=True)]
    if not any(extra) or len(space) != 2:
        return None
    shape = (C, space[0] + 2 * extra[0], space[1] + 2 * extra[1])
    rest = [p - e for p, e in zip(s["padding"], extra, strict=True)]
    return _Widening((extra[0], extra[1]), shape, Sliding(s["stride"], s["dilation"], rest))
