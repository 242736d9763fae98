"""Convolution, by oneDNN."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from koubai.core.params import Shape
from koubai.engines.native.backends.onednn import primitives
from koubai.engines.native.backends.onednn.execute import execute
from koubai.engines.native.backends.onednn.library import Unimplemented
from koubai.engines.native.backends.onednn.primitives import BF16, F32, MD, PD, Sliding
from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Buffer, Tensor
from koubai.engines.native.kernels import pad
from koubai.engines.native.layout import Layout
from koubai.engines.native.ops.base import BaseOp
from koubai.engines.native.plan import Plan

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
class _Choice:
    """Primitives for one pair of layouts; `widened` holds x with more zeros around it, for dW alone."""

    x: _Side
    y: _Side
    forward: PD
    weights: PD | None = None
    data: PD | None = None
    widened: _Widening | None = None


class ConvolveOp(BaseOp):
    """y = W * x + b;  dW and db, dx.

    Weights and their gradients are kept in C order; every step packs them as the primitives want them,
    which costs less than a percent of a step and keeps everything else simple.
    """

    def forward(self, plan: Plan, node: Node) -> None:
        """y."""
        choice = self._choose(plan, node)
        x, y = plan.get(node.inputs[0], choice.x.layout), plan.new(choice.y.layout)
        pd, shape = choice.forward, _weight_shape(node)
        w_md = pd.md("weights", shape, choice.x.md.dtype)
        packed = self._packed(plan, node, w_md)
        bias, b_md = node.stored.get("bias"), MD.plain((node.output.shape[0],))
        extra = {"bias": (plan.weight(bias), b_md)} if bias else {}
        execute(plan, pd, src=(x, choice.x.md), weights=(packed, w_md), dst=(y, choice.y.md), **extra)
        plan.set(node.output, y)
        plan.saved[node] = choice, x

    def backward(self, plan: Plan, node: Node, dy: Tensor) -> None:
        """dW and db, then dx."""
        (value,), (choice, x) = node.inputs, plan.saved[node]
        dy = plan.convert(dy, choice.y.layout)
        self._weights(plan, node, choice, x, dy)
        if plan.wants_gradient(value):
            pd = choice.data
            assert pd is not None  # chosen where a gradient is wanted
            w_md, dx = pd.md("weights", _weight_shape(node), choice.x.md.dtype), plan.new(choice.x.layout)
            packed = self._packed(plan, node, w_md)
            execute(plan, pd, dsrc=(dx, choice.x.md), weights=(packed, w_md), ddst=(dy, choice.y.md))
            plan.contribute(value, dx)

    def _weights(self, plan: Plan, node: Node, choice: _Choice, x: Tensor, dy: Tensor) -> None:
        (value,), pd, shape = node.inputs, choice.weights, _weight_shape(node)
        assert pd is not None  # chosen where there is a backward pass
        x_md, wide = choice.x.md, choice.widened
        if wide is not None:
            C, H, W = value.shape
            C //= 2 if x.layout.half else 1  # two bfloat16 numbers move as one of float32
            side = _Side.last(plan.part.rows, wide.shape, half=x.layout.half)
            wider, x_md = plan.new(side.layout), side.md
            why = "dW needs padding of at most half the kernel"
            plan.call(pad.surround, pad.Pad(x, wider, plan.part.rows, H, W, C, *wide.amounts, 0), why=why)
            x = wider
        bias, b_md = node.stored.get("bias"), MD.plain((node.output.shape[0],))
        extra = {"dbias": (plan.gradient(bias), b_md)} if bias else {}
        md, plain = pd.md("dweights", shape), MD.plain(shape)
        gradient = plan.gradient(node.stored["weight"])
        target = gradient if md == plain else Buffer(md.nbytes)
        execute(plan, pd, src=(x, x_md), ddst=(dy, choice.y.md), dweights=(target, md), **extra)
        if target is not gradient:
            reorder = primitives.reorder(md, plain)
            execute(plan, reorder, "unpack dW: to the order of W", src=(target, md), dst=(gradient, plain))

    def _packed(self, plan: Plan, node: Node, md: MD) -> Buffer:
        """W in a primitive's layout."""
        plain, weight = MD.plain(_weight_shape(node)), plan.weight(node.stored["weight"])
        if md == plain:
            return weight
        packed = Buffer(md.nbytes)
        why = "pack W: to the order that is multiplied fastest"
        execute(plan, primitives.reorder(plain, md), why, src=(weight, plain), dst=(packed, md))
        return packed

    # ------------------------------------------------------------------------------------ choosing layouts

    def _choose(self, plan: Plan, node: Node) -> _Choice:
        """The first pair of layouts for which oneDNN has fast primitives in all directions."""
        reasons = []
        for x, y in self._candidates(plan, node):
            try:
                return self._try(plan, node, x, y)
            except Unimplemented as reason:
                reasons.append(str(reason))
        raise Unimplemented(f"convolution {node.path}: {reasons[-1]}")

    def _candidates(self, plan: Plan, node: Node) -> Iterator[tuple[_Side, _Side]]:
        """Layouts of x and y, best first.

        Channels last has fast kernels for any number of channels and needs no padding. A first convolution
        of few channels is twice as fast (dW) into blocks of 16; a pooling behind it reads those.
        """
        rows, x, y = plan.part.rows, node.inputs[0].shape, node.output.shape
        if plan.half and x[0] > 1:  # with a single channel bfloat16 is slower
            yield _Side.last(rows, x, half=True), _Side.last(rows, y, half=True)
        if x[0] <= _FEW_CHANNELS and plan.get(node.inputs[0]).layout.is_plain:
            pooled = plan.feeds_only(node, ("max_pool", "average_pool")) or _relu_then_pool(plan, node)
            if len(y) == 3 and (pooled or y[0] == _BLOCK):
                yield _Side.plain(rows, x), _Side.blocked(rows, y)
            yield _Side.plain(rows, x), _Side.last(rows, y)
        yield _Side.last(rows, x), _Side.last(rows, y)
        yield _Side.plain(rows, x), _Side.plain(rows, y)

    def _try(self, plan: Plan, node: Node, x: _Side, y: _Side) -> _Choice:
        (value,), s = node.inputs, node.settings
        any_w, any_dw = MD.any(_weight_shape(node), x.md.dtype), MD.any(_weight_shape(node))
        bias = MD.plain((node.output.shape[0],)) if "bias" in node.stored else None
        window = Sliding(s["stride"], s["dilation"], s["padding"])
        choice = _Choice(x, y, primitives.convolution(x.md, any_w, bias, y.md, window))
        if not plan.training:
            return choice
        half, places = x.layout.half, x.layout.as_half(False)
        movable = places == plan.last(value.shape) and not (half and value.shape[0] % 2)
        choice.widened = _widening(node) if movable else None
        wide = choice.widened
        if wide is None:
            choice.weights = primitives.convolution_weights(x.md, any_dw, bias, y.md, window, choice.forward)
        else:
            wide_md = _Side.last(plan.part.rows, wide.shape, half=half).md
            hint = primitives.convolution(wide_md, any_w, bias, y.md, wide.window)
            choice.weights = primitives.convolution_weights(wide_md, any_dw, bias, y.md, wide.window, hint)
        if plan.wants_gradient(value):
            choice.data = primitives.convolution_data(x.md, any_w, y.md, window, choice.forward)
        return choice


def _weight_shape(node: Node) -> Shape:
    """(M, C, K), or with groups (G, M / G, C / G, K)."""
    M, inner, *kernel = node.stored["weight"].shape
    G = node.settings["groups"]
    return (M, inner, *kernel) if G == 1 else (G, M // G, inner, *kernel)


def _relu_then_pool(plan: Plan, node: Node) -> bool:
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
