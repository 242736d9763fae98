"""PReLU."""

from __future__ import annotations

from math import prod

from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Buffer, Tensor
from koubai.engines.native.kernels import prelu as kernels
from koubai.engines.native.ops.base import BaseOp
from koubai.engines.native.plan import ShardPlan


class PReLUOp(BaseOp):
    """Channels last, a row a place."""

    def _block(self, plan: ShardPlan, node: Node, x: Tensor, y: Tensor, slope: Buffer) -> kernels.PReLU:
        (value,), shape = node.inputs, node.stored["slope"].shape
        C, *space = value.shape
        return kernels.PReLU(x, y, slope, plan.shard.rows * prod(space), C, int(shape == (C,)))

    def forward(self, plan: ShardPlan, node: Node) -> None:
        """y."""
        (value,) = node.inputs
        layout = plan.last(value.shape)
        x, y = plan.get(value, layout), plan.new(layout)
        slope = plan.weight(node.stored["slope"])
        plan.call(kernels.prelu, self._block(plan, node, x, y, slope))
        plan.set(node.output, y)
        plan.saved[node] = x

    def backward(self, plan: ShardPlan, node: Node, dy: Tensor) -> None:
        """da; dx in the place of dy."""
        (value,), x, slope = node.inputs, plan.saved[node], node.stored["slope"]
        dy = plan.convert(dy, x.layout)
        block = self._block(plan, node, x, dy, plan.gradient(slope))
        plan.call(kernels.prelu_params, block)
        if plan.wants_gradient(value):
            plan.call(kernels.prelu_backward, block._replace(slope=plan.weight(slope)))
            plan.contribute(value, dy)
