"""Average pooling: kernels/average_pool.py; its arguments are the record Pool of kernels/pool.py."""

from __future__ import annotations

from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Tensor
from koubai.engines.native.kernels import average_pool
from koubai.engines.native.kernels.pool import Pool
from koubai.engines.native.ops.base import BaseOp
from koubai.engines.native.ops.pool import blocks_of, windows
from koubai.engines.native.plan import ShardPlan


class AveragePoolOp(BaseOp):
    """Average pooling."""

    def forward(self, plan: ShardPlan, node: Node) -> None:
        """y."""
        x, block = blocks_of(plan, node, half=False)
        y = plan.new(plan.last(node.output.shape))
        plan.call(average_pool.average_pool, Pool(x, y, 0, windows(plan, node, block), 0))
        plan.set(node.output, y)
        plan.saved[node] = x.layout, y.layout, block

    def backward(self, plan: ShardPlan, node: Node, dy: Tensor) -> None:
        """dx."""
        (value,) = node.inputs
        if plan.wants_gradient(value):
            layout, y_layout, block = plan.saved[node]
            dx = plan.new(layout)
            dy = plan.convert(dy, y_layout)
            plan.call(average_pool.average_pool_backward, Pool(dx, dy, 0, windows(plan, node, block), 0))
            plan.contribute(value, dx)
