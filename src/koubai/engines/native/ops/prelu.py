"""PReLU."""

from __future__ import annotations

from math import prod

from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Tensor
from koubai.engines.native.kernels import prelu as kernels
from koubai.engines.native.ops.base import BaseOp
from koubai.engines.native.plan import Plan


class PReLUOp(BaseOp):
    """Channels last, a row a place."""

    def _sizes(self, plan: Plan, node: Node) -> tuple[int, int, int]:
        (x,), slope = node.inputs, node.stored["slope"]
        return plan.part.rows * prod(x.shape[1:]), x.shape[0], int(slope.shape == x.shape[:1])

    def forward(self, plan: Plan, node: Node) -> None:
        """y."""
        (value,) = node.inputs
        layout = plan.last(value.shape)
        x, y = plan.get(value, layout), plan.new(layout)
        plan.call(kernels.prelu, x, y, plan.weight(node.stored["slope"]), *self._sizes(plan, node))
        plan.set(node.output, y)
        plan.saved[node] = x

    def backward(self, plan: Plan, node: Node, dy: Tensor) -> None:
        """da; dx in the place of dy."""
        (value,), x, sizes = node.inputs, plan.saved[node], self._sizes(plan, node)
        dy = plan.convert(dy, x.layout)
        plan.call(kernels.prelu_params, x, dy, plan.gradient(node.stored["slope"]), *sizes)
        if plan.wants_gradient(value):
            plan.call(kernels.prelu_backward, x, dy, plan.weight(node.stored["slope"]), *sizes)
            plan.contribute(value, dy)
