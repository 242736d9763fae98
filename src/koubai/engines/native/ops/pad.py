"""Padding with places of the picture itself."""

from __future__ import annotations

from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Tensor
from koubai.engines.native.kernels import pad as kernels
from koubai.engines.native.ops.base import BaseOp, two_axes
from koubai.engines.native.plan import ShardPlan


class PadOp(BaseOp):
    """Channels last; an axis alone is a row."""

    def _block(self, plan: ShardPlan, node: Node, x: Tensor, y: Tensor) -> kernels.Pad:
        (value,), settings = node.inputs, node.settings
        space, around = two_axes(value.shape[1:], 1), two_axes(settings["padding"], 0)
        mirrored = int(settings["mode"] == "reflect")
        return kernels.Pad(x, y, plan.shard.rows, *space, value.shape[0], *around, mirrored)

    def forward(self, plan: ShardPlan, node: Node) -> None:
        """y."""
        (value,) = node.inputs
        x, y = plan.get(value, plan.last(value.shape)), plan.new(plan.last(node.output.shape))
        plan.call(kernels.pad, self._block(plan, node, x, y))
        plan.set(node.output, y)

    def backward(self, plan: ShardPlan, node: Node, dy: Tensor) -> None:
        """dx."""
        (value,) = node.inputs
        if plan.wants_gradient(value):
            dy, dx = plan.convert(dy, plan.last(node.output.shape)), plan.new(plan.last(value.shape))
            plan.call(kernels.pad_backward, self._block(plan, node, dx, dy))
            plan.contribute(value, dx)
