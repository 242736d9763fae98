"""Group normalization."""

from __future__ import annotations

from math import prod

from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Buffer, Tensor
from koubai.engines.native.kernels import group_norm as kernels
from koubai.engines.native.ops.base import BaseOp
from koubai.engines.native.plan import ShardPlan


class GroupNormOp(BaseOp):
    """Each group of each sample by itself, channels first."""

    def _block(
        self, plan: ShardPlan, node: Node, x: Tensor, y: Tensor, gamma: Buffer, beta: Buffer, saved: Buffer
    ) -> kernels.GroupNorm:
        (value,), s = node.inputs, node.settings
        C, *space = value.shape
        sizes = plan.shard.rows, s["groups"], C // s["groups"], prod(space)
        return kernels.GroupNorm(x, y, gamma, beta, saved, *sizes, s["epsilon"])

    def forward(self, plan: ShardPlan, node: Node) -> None:
        """y, and mean and scale of each group."""
        (value,) = node.inputs
        y = plan.plain(value.shape)
        x, saved = plan.get(value, y.layout), plan.floats(2 * plan.shard.rows * node.settings["groups"])
        gamma, beta = plan.weight(node.stored["gamma"]), plan.weight(node.stored["beta"])
        plan.call(kernels.group_norm, self._block(plan, node, x, y, gamma, beta, saved))
        plan.set(node.output, y)
        plan.saved[node] = x, saved

    def backward(self, plan: ShardPlan, node: Node, dy: Tensor) -> None:
        """dgamma, dbeta; dx in the place of dy."""
        (value,), (x, saved) = node.inputs, plan.saved[node]
        dy = plan.convert(dy, x.layout)
        dgamma, dbeta = plan.gradient(node.stored["gamma"]), plan.gradient(node.stored["beta"])
        block = self._block(plan, node, x, dy, dgamma, dbeta, saved)
        plan.call(kernels.group_norm_params, block)
        if plan.wants_gradient(value):
            gamma = plan.weight(node.stored["gamma"])
            plan.call(kernels.group_norm_backward, block._replace(gamma=gamma, beta=0))
            plan.contribute(value, dy)
