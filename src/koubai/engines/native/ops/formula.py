"""A layer without kernels of its own: its reference formula runs inside the program."""

from __future__ import annotations

from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Tensor
from koubai.engines.native.ops.base import BaseOp
from koubai.engines.native.plan import ShardPlan


class FormulaOp(BaseOp):
    """Returns to Python, which runs `forward` or `backward` of the layer on arrays over the buffers."""

    def keeps_output(self, node: Node) -> bool | str:
        """The formula may have saved a view of y."""
        return True

    def forward(self, plan: ShardPlan, node: Node) -> None:
        """y = forward(x)."""
        (value,) = node.inputs
        x, y = plan.get(value, plan.plain(value.shape).layout), plan.plain(node.output.shape)
        plan.run_python("forward", node, x, y, why=node.settings["reason"])
        plan.set(node.output, y)
        plan.saved[node] = x, y

    def backward(self, plan: ShardPlan, node: Node, dy: Tensor) -> None:
        """dx = backward(dy), and the gradients of the parameters."""
        (value,) = node.inputs
        dy = plan.convert(dy, plan.get(node.output).layout)
        dx = plan.plain(value.shape)
        kept = plan.saved[node]  # named, so that their memory stays theirs until here
        plan.run_python("backward", node, dy, dx, *kept, why=node.settings["reason"])
        if plan.wants_gradient(value):
            plan.contribute(value, dx)
