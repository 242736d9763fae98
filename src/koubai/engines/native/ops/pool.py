"""Pooling of windows."""

from __future__ import annotations

from functools import partial

from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Buffer, Tensor
from koubai.engines.native.kernels import average_pool, max_pool
from koubai.engines.native.kernels.max_pool import TappedPoolBackward
from koubai.engines.native.kernels.pool import Pool, Windows
from koubai.engines.native.ops.base import BaseOp, two_axes
from koubai.engines.native.plan import Plan


def _windows(plan: Plan, node: Node, block: int) -> Windows:
    s, x, y = node.settings, node.inputs[0].shape, node.output.shape
    space, out = two_axes(x[1:], 1), two_axes(y[1:], 1)
    window = (*two_axes(s["size"], 1), *two_axes(s["stride"], 1), *two_axes(s["padding"], 0))
    return Windows(plan.part.rows, x[0], block, *space, *out, *window)


def _input(plan: Plan, node: Node, *, half: bool = True) -> tuple[Tensor, int]:
    """x as blocks of channels, and the size of a block; in bfloat16 only if `half` allows it."""
    (value,) = node.inputs
    layout = plan.get(value).layout
    if layout.is_plain or layout.is_last or layout.channels != value.shape[0]:
        layout = plan.last(value.shape).as_half(layout.half)
    x = plan.get(value, layout.as_half(layout.half and half))
    return x, value.shape[0] if layout.is_plain or layout.is_last else layout.block


class MaxPoolOp(BaseOp):
    """Maximum pooling; with the setting `relu`, of max(0, x), which is max(0, maximum)."""

    def forward(self, plan: Plan, node: Node) -> None:
        """y, and the place of each maximum."""
        x, block = _input(plan, node)
        y = plan.new(plan.last(node.output.shape).as_half(x.layout.half))
        places, relu = Buffer(y.words), int(node.settings.get("relu", 0))
        pool = Pool(x, y, places, _windows(plan, node, block), relu)
        if plan.taps is None or not plan.taps.pooling(plan, node, pool):
            kernel = max_pool.max_pool_half if x.layout.half else max_pool.max_pool
            plan.call(kernel, pool, why="with the ReLU before it" if relu else "")
        plan.set(node.output, y)
        plan.saved[node] = x.layout, y.layout, places, block

    def backward(self, plan: Plan, node: Node, dy: Tensor) -> None:
        """dx at the places."""
        (value,) = node.inputs
        if not plan.wants_gradient(value):
            return
        layout, y_layout, places, block = plan.saved[node]
        dy = plan.convert(dy, y_layout)
        dx, covers = plan.new(layout), int(self._covers(node))
        pool = Pool(dx, dy, places, _windows(plan, node, block), covers)
        kernel = max_pool.max_pool_backward_half if layout.half else max_pool.max_pool_backward
        masks = bool(node.settings.get("relu")) and not layout.half
        tapped = max_pool.max_pool_backward_tapped, partial(TappedPoolBackward, pool)
        if plan.taps is None or not masks or not plan.taps.masking(plan, node, *tapped):
            plan.call(kernel, pool)
        plan.contribute(value, dx)

    @staticmethod
    def _covers(node: Node) -> bool:
        """Whether the windows cover x without overlap."""
        s = node.settings
        whole = all(n % k == 0 for n, k in zip(node.inputs[0].shape[1:], s["size"], strict=True))
        return whole and s["stride"] == s["size"] and not any(s["padding"])


class AveragePoolOp(BaseOp):
    """Average pooling."""

    def forward(self, plan: Plan, node: Node) -> None:
        """y."""
        x, block = _input(plan, node, half=False)
        y = plan.new(plan.last(node.output.shape))
        plan.call(average_pool.average_pool, Pool(x, y, 0, _windows(plan, node, block), 0))
        plan.set(node.output, y)
        plan.saved[node] = x.layout, y.layout, block

    def backward(self, plan: Plan, node: Node, dy: Tensor) -> None:
        """dx."""
        (value,) = node.inputs
        if plan.wants_gradient(value):
            layout, y_layout, block = plan.saved[node]
            dx = plan.new(layout)
            dy = plan.convert(dy, y_layout)
            plan.call(average_pool.average_pool_backward, Pool(dx, dy, 0, _windows(plan, node, block), 0))
            plan.contribute(value, dx)
