"""Verbs that treat each sample by itself: softmax, layer normalization, local response normalization."""

from __future__ import annotations

from math import prod

from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Tensor
from koubai.engines.native.kernels import rows as kernels
from koubai.engines.native.layout import Layout
from koubai.engines.native.ops.base import BaseOp
from koubai.engines.native.plan import ShardPlan
from koubai.engines.native.store import Permuted


class SoftmaxOp(BaseOp):
    """Softmax over the features."""

    def keeps_output(self, node: Node) -> bool | str:
        """Yes."""
        return True

    def forward(self, plan: ShardPlan, node: Node) -> None:
        """y."""
        (x,) = node.inputs
        y = plan.plain(x.shape)
        plan.call(kernels.softmax, kernels.Softmax(plan.get(x, y.layout), y, plan.shard.rows, x.shape[0]))
        plan.set(node.output, y)

    def backward(self, plan: ShardPlan, node: Node, dy: Tensor) -> None:
        """dx, in the place of dy."""
        (x,), y = node.inputs, plan.get(node.output)
        if plan.wants_gradient(x):
            dy = plan.convert(dy, y.layout)
            block = kernels.SoftmaxBackward(y, dy, plan.shard.rows, x.shape[0])
            plan.call(kernels.softmax_backward, block)
            plan.contribute(x, dy)


class LayerNormOp(BaseOp):
    """Layer normalization; gamma and beta lie in the order of x."""

    def forward(self, plan: ShardPlan, node: Node) -> None:
        """y, and mean and scale of each sample."""
        (value,) = node.inputs
        layout = self._layout(plan, node)
        x, y, saved = plan.get(value, layout), plan.new(layout), plan.floats(2 * plan.shard.rows)
        gamma, beta = plan.weight(node.stored["gamma"]), plan.weight(node.stored["beta"])
        sizes = layout.rows, prod(value.shape), node.settings["epsilon"]
        plan.call(kernels.layer_norm, kernels.LayerNorm(x, y, gamma, beta, saved, *sizes))
        plan.set(node.output, y)
        plan.saved[node] = x, saved

    def backward(self, plan: ShardPlan, node: Node, dy: Tensor) -> None:
        """dgamma, dbeta; dx in the place of dy."""
        (value,), (x, saved) = node.inputs, plan.saved[node]
        dy = plan.convert(dy, x.layout)
        dgamma, dbeta = plan.gradient(node.stored["gamma"]), plan.gradient(node.stored["beta"])
        sizes = plan.shard.rows, prod(value.shape), node.settings["epsilon"]
        block = kernels.LayerNorm(x, dy, dgamma, dbeta, saved, *sizes)
        plan.call(kernels.layer_norm_params, block)
        if plan.wants_gradient(value):
            gamma = plan.weight(node.stored["gamma"])
            plan.call(kernels.layer_norm_backward, block._replace(gamma=gamma, beta=0))
            plan.contribute(value, dy)

    @staticmethod
    def _layout(plan: ShardPlan, node: Node) -> Layout:
        """The layout in which gamma and beta lie: that of the first x that comes, if it has no padding."""
        (value,) = node.inputs
        layout = plan.get(value).layout
        C, S = (layout.channels, layout.space) if layout.is_last else (prod(value.shape), 1)
        for stored in node.stored.values():
            chosen = plan.store.settle(stored, lambda: Permuted(value.shape, (C, S), (1, 0)))
        assert isinstance(chosen, Permuted)  # nobody else gives gamma and beta a form
        C, S = chosen.view
        return Layout(layout.rows, C, S, C)


class LocalResponseOp(BaseOp):
    """Local response normalization, channels last."""

    def _block(self, plan: ShardPlan, node: Node, x: Tensor, y: Tensor, lines: int) -> kernels.LocalResponse:
        """For kernels with so many lines of scratch for each thread."""
        (value,), s = node.inputs, node.settings
        C, *space = value.shape
        scratch = plan.floats(lines * plan.shard.team * (C + s["size"]))
        sizes = plan.shard.rows * prod(space), C, s["size"] // 2
        return kernels.LocalResponse(x, y, scratch, *sizes, s["k"], s["alpha"], s["beta"])

    def forward(self, plan: ShardPlan, node: Node) -> None:
        """b."""
        (value,) = node.inputs
        x, y = plan.get(value, plan.last(value.shape)), plan.new(plan.last(value.shape))
        plan.call(kernels.local_response, self._block(plan, node, x, y, 1))
        plan.set(node.output, y)
        plan.saved[node] = x

    def backward(self, plan: ShardPlan, node: Node, dy: Tensor) -> None:
        """da, in the place of db."""
        (value,), x = node.inputs, plan.saved[node]
        if plan.wants_gradient(value):
            dy = plan.convert(dy, x.layout)
            plan.call(kernels.local_response_backward, self._block(plan, node, x, dy, 2))
            plan.contribute(value, dy)
