"""Group normalization."""

from __future__ import annotations

from math import prod

from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Tensor
from koubai.engines.native.kernels import group_norm as kernels
from koubai.engines.native.ops.base import BaseOp
from koubai.engines.native.plan import Plan


class GroupNormOp(BaseOp):
    """Each group of each sample by itself, channels first."""

    def _sizes(self, plan: Plan, node: Node) -> tuple[int, int, int, int]:
        (x,), groups = node.inputs, node.settings["groups"]
        return plan.part.rows, groups, x.shape[0] // groups, prod(x.shape[1:])

    def forward(self, plan: Plan, node: Node) -> None:
        """y, and mean and scale of each group."""
        (value,), sizes = node.inputs, self._sizes(plan, node)
        y = plan.plain(value.shape)
        x, saved = plan.get(value, y.layout), plan.floats(2 * sizes[0] * sizes[1])
        gamma, beta = plan.weight(node.stored["gamma"]), plan.weight(node.stored["beta"])
        plan.call(kernels.group_norm, x, y, gamma, beta, saved, *sizes, node.settings["epsilon"])
        plan.set(node.output, y)
        plan.saved[node] = x, saved

    def backward(self, plan: Plan, node: Node, dy: Tensor) -> None:
        """dgamma, dbeta; dx in the place of dy."""
        (value,), (x, saved), sizes = node.inputs, plan.saved[node], self._sizes(plan, node)
        dy = plan.convert(dy, x.layout)
        dgamma, dbeta = plan.gradient(node.stored["gamma"]), plan.gradient(node.stored["beta"])
        plan.call(kernels.group_norm_params, x, dy, saved, dgamma, dbeta, *sizes)
        if plan.wants_gradient(value):
            plan.call(kernels.group_norm_backward, x, dy, plan.weight(node.stored["gamma"]), saved, *sizes)
            plan.contribute(value, dy)
