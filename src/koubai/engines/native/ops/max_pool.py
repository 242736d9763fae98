"""Maximum pooling: kernels/max_pool.py; its arguments are the record Pool of kernels/pool.py."""

from __future__ import annotations

from functools import partial

from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Buffer, Tensor
from koubai.engines.native.kernels import max_pool, max_pool_backward, one_channel
from koubai.engines.native.kernels.max_pool_backward import TappedPoolBackward
from koubai.engines.native.kernels.pool import Pool
from koubai.engines.native.ops.base import BaseOp
from koubai.engines.native.ops.pool import blocks_of, windows
from koubai.engines.native.plan import ShardPlan


class MaxPoolOp(BaseOp):
    """Maximum pooling; with the setting `relu`, of max(0, x), which is max(0, maximum)."""

    def forward(self, plan: ShardPlan, node: Node) -> None:
        """y, and the place of each maximum."""
        x, block = blocks_of(plan, node)
        y = plan.new(plan.last(node.output.shape).as_half(x.layout.half))
        places, relu = Buffer(y.elements), int(node.settings.get("relu", 0))
        pool = Pool(x, y, places, windows(plan, node, block), relu)
        convolution = plan.pending.pop(node.inputs[0], None)
        if convolution is not None:
            into = one_channel.IntoPool(convolution, pool._replace(x=0))
            plan.call(one_channel.convolve_into_pool, into, why="with the convolution before it")
        elif plan.taps is None or not plan.taps.pooling(plan, node, pool):
            kernel = max_pool.max_pool_half if x.layout.half else max_pool.max_pool
            plan.call(kernel, pool, why="with the ReLU before it" if relu else "")
        plan.set(node.output, y)
        plan.saved[node] = x.layout, y.layout, places, block

    def backward(self, plan: ShardPlan, node: Node, dy: Tensor) -> None:
        """dx at the places."""
        (value,) = node.inputs
        if not plan.wants_gradient(value):
            return
        layout, y_layout, places, block = plan.saved[node]
        dy = plan.convert(dy, y_layout)
        dx, covers = plan.new(layout), int(self._covers(node))
        pool = Pool(dx, dy, places, windows(plan, node, block), covers)
        kernel = (
            max_pool_backward.max_pool_backward_half if layout.half else max_pool_backward.max_pool_backward
        )
        masks = bool(node.settings.get("relu")) and not layout.half
        tapped = max_pool_backward.max_pool_backward_tapped, partial(TappedPoolBackward, pool)
        if value in plan.pooled:
            plan.pooled[value] = pool
        elif plan.taps is None or not masks or not plan.taps.masking(plan, node, *tapped):
            plan.call(kernel, pool)
        plan.contribute(value, dx)

    @staticmethod
    def _covers(node: Node) -> bool:
        """Whether the windows cover x without overlap."""
        s = node.settings
        whole = all(n % k == 0 for n, k in zip(node.inputs[0].shape[1:], s["size"], strict=True))
        return whole and s["stride"] == s["size"] and not any(s["padding"])
