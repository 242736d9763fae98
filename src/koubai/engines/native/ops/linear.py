"""Affine maps, by koubai's own products; larger ones belong to the backends."""

from __future__ import annotations

from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Tensor
from koubai.engines.native.kernels import linear, tiles
from koubai.engines.native.kernels.product import WIDTH
from koubai.engines.native.layout import Layout
from koubai.engines.native.ops.base import BaseOp
from koubai.engines.native.plan import ShardPlan
from koubai.engines.native.store import Permuted

_LARGE = 1 << 19  # weights; with more of them W^T and the columns of W are too far apart in memory


class LinearOp(BaseOp):
    """y = x W + b;  dW = x^T dy, db = sum dy, dx = dy W^T.

    W lies as in the formula, (F, G), its inputs in the order of x's places.
    """

    def has_own_product(self, plan: ShardPlan, node: Node) -> bool:
        """Whether koubai's own product is the faster one; the same in all plans of a job."""
        F, G = node.stored["weight"].shape
        return F * G <= _LARGE and not plan.half and tiles.pay()

    def _layout(self, plan: ShardPlan, node: Node) -> Layout:
        """How x lies: as it comes where W was first seen."""
        weight = node.stored["weight"]
        F, G = weight.shape
        layout = plan.get(node.inputs[0]).layout
        C, S = (layout.channels, layout.space) if layout.is_last else (F, 1)
        form = plan.store.settle(weight, lambda: Permuted((F, G), (C, S, G), (1, 0, 2)))
        assert isinstance(form, Permuted)  # nobody else gives a linear weight its form
        C, S, _ = form.view
        return Layout(plan.shard.rows, C, S, C)

    def forward(self, plan: ShardPlan, node: Node) -> None:
        """y."""
        weight, bias = node.stored["weight"], node.stored.get("bias")
        x, y = plan.get(node.inputs[0], self._layout(plan, node)), plan.plain(node.output.shape)
        b = plan.weight(bias) if bias else 0
        plan.call(linear.linear, linear.Linear(x, plan.weight(weight), b, y, plan.shard.rows, *weight.shape))
        plan.set(node.output, y)
        plan.saved[node] = x

    def backward(self, plan: ShardPlan, node: Node, dy: Tensor) -> None:
        """dW and db, then dx."""
        (value,), x, rows = node.inputs, plan.saved[node], plan.shard.rows
        weight, bias = node.stored["weight"], node.stored.get("bias")
        F, G = weight.shape
        dy = plan.convert(dy, Layout.plain(rows, node.output.shape))
        dw, db = plan.gradient(weight), plan.gradient(bias) if bias else 0
        plan.call(linear.linear_weights, linear.Linear(x, dw, db, dy, rows, F, G))
        if plan.wants_gradient(value):
            turned, dx = plan.floats(plan.shard.team * G * WIDTH), plan.new(x.layout)
            plan.call(
                linear.linear_inputs, linear.LinearInputs(dy, plan.weight(weight), turned, dx, rows, F, G)
            )
            plan.contribute(value, dx)
