"""Affine maps: small ones by koubai's own products, others by BLAS."""

from __future__ import annotations

from koubai.engines.native.backends.blas.library import sgemm
from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Tensor
from koubai.engines.native.kernels import gemm
from koubai.engines.native.layout import Layout
from koubai.engines.native.ops import linear
from koubai.engines.native.plan import ShardPlan


class LinearOp(linear.LinearOp):
    """y = x W + b;  dW = x^T dy, db = sum dy, dx = dy W^T."""

    def forward(self, plan: ShardPlan, node: Node) -> None:
        """y."""
        if self.has_own_product(plan, node):
            super().forward(plan, node)
            return
        weight, bias = node.stored["weight"], node.stored.get("bias")
        F, G = weight.shape
        x, y = plan.get(node.inputs[0], self._layout(plan, node)), plan.plain(node.output.shape)
        b = plan.weight(bias) if bias else 0
        block = gemm.BlasLinear(x, plan.weight(weight), b, y, plan.shard.rows, F, G, sgemm())
        plan.call(gemm.linear, block, alone=True)
        plan.set(node.output, y)
        plan.saved[node] = x

    def backward(self, plan: ShardPlan, node: Node, dy: Tensor) -> None:
        """dW and db, then dx."""
        if self.has_own_product(plan, node):
            super().backward(plan, node, dy)
            return
        (value,), x, rows = node.inputs, plan.saved[node], plan.shard.rows
        weight, bias = node.stored["weight"], node.stored.get("bias")
        F, G = weight.shape
        dy = plan.convert(dy, Layout.plain(rows, node.output.shape))
        dw, db = plan.gradient(weight), plan.gradient(bias) if bias else 0
        block = gemm.BlasLinear(x, dw, db, dy, rows, F, G, sgemm())
        plan.call(gemm.linear_weights, block, alone=True)
        if plan.wants_gradient(value):
            dx = plan.new(x.layout)
            plan.call(gemm.linear_data, block._replace(x=dx, weight=plan.weight(weight), bias=0), alone=True)
            plan.contribute(value, dx)
