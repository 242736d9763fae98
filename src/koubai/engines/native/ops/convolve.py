"""Convolution, by oneDNN."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from koubai.core.params import Shape
from koubai.engines.native import onednn
from koubai.engines.native.graph import Node
from koubai.engines.native.kernels import moving
from koubai.engines.native.layout import Layout
from koubai.engines.native.onednn import MD, PD, Sliding, Unimplemented
from koubai.engines.native.ops.base import BaseOp
from koubai.engines.native.plan import Buffer, Plan, Tensor

_FEW_CHANNELS = 4  # an image as it comes: oneDNN has kernels that read it in C order


def describe(layout: Layout, shape: Shape) -> MD:
    """A layout as oneDNN writes it, for tensors (N, C, S) of `shape` (C, S)."""
    full = (layout.rows, *shape)
    if layout == Layout.last(layout.rows, shape) and shape[0] > 1:
        return MD.channels_last(full)
    return MD.plain(full) if layout.is_plain else MD.blocked(full, layout.block)


@dataclass
class _Choice:
    """Primitives for one pair of layouts; `widened` holds x with more zeros around it, for dW alone."""

    source: Layout
    target: Layout
    window: Sliding
    forward: PD
    weights: PD | None = None
    data: PD | None = None
    widened: Widening | None = None


@dataclass
class Widening:
    """Zeros put around x, and the window that then needs less padding."""

    amounts: tuple[int, int]
    shape: Shape
    window: Sliding


class ConvolveOp(BaseOp):
    """y = W * x + b;  dW and db, dx.

    Weights and their gradients are kept in C order; every step packs them as the primitives want them,
    which costs less than a percent of a step and keeps everything else simple.
    """

    def keeps_input(self, node: Node) -> bool:
        """For dW."""
        return True

    def forward(self, plan: Plan, node: Node) -> None:
        """y."""
        choice = self._choose(plan, node)
        x, y = plan.get(node.inputs[0], choice.source), plan.new(choice.target)
        pd, shape = choice.forward, _weight_shape(node)
        packed = self._packed(plan, node, pd.md("weights", shape))
        bias, b_md = node.stored.get("bias"), MD.plain((node.output.shape[0],))
        extra = {"bias": (plan.weight(bias), b_md)} if bias else {}
        x_md, y_md = describe(choice.source, node.inputs[0].shape), describe(choice.target, node.output.shape)
        plan.execute(pd, src=(x, x_md), weights=(packed, pd.md("weights", shape)), dst=(y, y_md), **extra)
        plan.set(node.output, y)
        plan.saved[node] = choice, x

    def backward(self, plan: Plan, node: Node, dy: Tensor) -> None:
        """dW and db, then dx."""
        (value,), (choice, x) = node.inputs, plan.saved[node]
        dy = plan.convert(dy, choice.target)
        y_md = describe(choice.target, node.output.shape)
        self._weights(plan, node, choice, x, dy)
        if plan.wants_gradient(value):
            pd, shape = choice.data, _weight_shape(node)
            assert pd is not None  # chosen where a gradient is wanted
            dx, packed = plan.new(choice.source), self._packed(plan, node, pd.md("weights", shape))
            x_md, w_md = describe(choice.source, value.shape), pd.md("weights", shape)
            plan.execute(pd, dsrc=(dx, x_md), weights=(packed, w_md), ddst=(dy, y_md))
            plan.contribute(value, dx)

    def _weights(self, plan: Plan, node: Node, choice: _Choice, x: Tensor, dy: Tensor) -> None:
        (value,), pd, shape = node.inputs, choice.weights, _weight_shape(node)
        assert pd is not None  # chosen where there is a backward pass
        x_md = describe(choice.source, value.shape)
        wide = choice.widened
        if wide is not None:
            C, H, W = value.shape
            layout = Layout.last(plan.part.rows, wide.shape)
            wider, x_md = plan.new(layout), describe(layout, wide.shape)
            why = "dW needs padding of at most half the kernel"
            plan.call(moving.surround, x, wider, plan.part.rows, H, W, C, *wide.amounts, why=why)
            x = wider
        bias, b_md = node.stored.get("bias"), MD.plain((node.output.shape[0],))
        extra = {"dbias": (plan.gradient(bias), b_md)} if bias else {}
        md, plain = pd.md("dweights", shape), MD.plain(shape)
        gradient = plan.gradient(node.stored["weight"])
        target = gradient if md == plain else Buffer(md.nbytes)
        y_md = describe(choice.target, node.output.shape)
        plan.execute(pd, src=(x, x_md), ddst=(dy, y_md), dweights=(target, md), **extra)
        if target is not gradient:
            plan.execute(onednn.reorder(md, plain), "unpack dW", src=(target, md), dst=(gradient, plain))

    def _packed(self, plan: Plan, node: Node, md: MD) -> Buffer:
        """W in a primitive's layout."""
        plain, weight = MD.plain(_weight_shape(node)), plan.weight(node.stored["weight"])
        if md == plain:
            return weight
        packed = Buffer(md.nbytes)
        plan.execute(onednn.reorder(plain, md), "pack W", src=(weight, plain), dst=(packed, md))
        return packed

    # ------------------------------------------------------------------------------------ choosing layouts

    def _choose(self, plan: Plan, node: Node) -> _Choice:
        """The first pair of layouts for which oneDNN has fast primitives in all directions."""
        reasons = []
        for source, target in self._candidates(plan, node):
            try:
                return self._try(plan, node, source, target)
            except Unimplemented as reason:
                reasons.append(str(reason))
        raise Unimplemented(f"convolution {node.path}: {reasons[-1]}")

    def _candidates(self, plan: Plan, node: Node) -> Iterator[tuple[Layout, Layout]]:
        """Layouts of x and y, best first.

        Channels last has fast kernels for any number of channels and needs no padding. A first convolution
        of few channels is twice as fast (dW) into blocks of 16; a pooling behind it reads those.
        """
        rows, x, y = plan.part.rows, node.inputs[0].shape, node.output.shape
        plain_x, last_x, last_y = Layout.plain(rows, x), plan.last(x), plan.last(y)
        if x[0] <= _FEW_CHANNELS and plan.get(node.inputs[0]).layout.is_plain:
            if plan.feeds_only(node, ("max_pool", "average_pool")) or _relu_then_pool(plan, node):
                yield plain_x, Layout.blocked(rows, y, 16)
            yield plain_x, last_y
        yield last_x, last_y
        yield plain_x, Layout.plain(rows, y)

    def _try(self, plan: Plan, node: Node, source: Layout, target: Layout) -> _Choice:
        (value,), s = node.inputs, node.settings
        shape, bias = (
            _weight_shape(node),
            MD.plain((node.output.shape[0],)) if "bias" in node.stored else None,
        )
        x_md, y_md, any_w = describe(source, value.shape), describe(target, node.output.shape), MD.any(shape)
        window = Sliding(s["stride"], s["dilation"], s["padding"])
        choice = _Choice(source, target, window, onednn.convolution(x_md, any_w, bias, y_md, window))
        if not plan.training:
            return choice
        choice.widened = _widening(node) if source.is_last or value.shape[0] == 1 else None
        wide = choice.widened
        if wide is None:
            choice.weights = onednn.convolution_weights(x_md, any_w, bias, y_md, window, choice.forward)
        else:
            wide_md = describe(Layout.last(plan.part.rows, wide.shape), wide.shape)
            hint = onednn.convolution(wide_md, any_w, bias, y_md, wide.window)
            choice.weights = onednn.convolution_weights(wide_md, any_w, bias, y_md, wide.window, hint)
        if plan.wants_gradient(value):
            choice.data = onednn.convolution_data(x_md, any_w, y_md, window, choice.forward)
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


def _widening(node: Node) -> Widening | None:
    """For two axes of space: what padding exceeds half the kernel, where oneDNN's fast dW ends."""
    s, (C, *space) = node.settings, node.inputs[0].shape
    kernel = node.stored["weight"].shape[2:]
    half = [s_d * (k - 1) // 2 for s_d, k in zip(s["dilation"], kernel, strict=True)]
    extra = [max(0, p - h) for p, h in zip(s["padding"], half, strict=True)]
    if not any(extra) or len(space) != 2:
        return None
    shape = (C, space[0] + 2 * extra[0], space[1] + 2 * extra[1])
    rest = [p - e for p, e in zip(s["padding"], extra, strict=True)]
    return Widening((extra[0], extra[1]), shape, Sliding(s["stride"], s["dilation"], rest))
