"""Affine maps, by BLAS."""

from __future__ import annotations

from koubai.engines.native.backends.blas.library import sgemm
from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Tensor
from koubai.engines.native.kernels import gemm
from koubai.engines.native.layout import Layout
from koubai.engines.native.ops.base import BaseOp
from koubai.engines.native.plan import Plan
from koubai.engines.native.store import Permuted


class LinearOp(BaseOp):
    """y = x W + b;  dW = x^T dy, db = sum dy, dx = dy W^T.

    W lies as in the formula, (F, G), its inputs in the order of x's places.
    """

    def _layout(self, plan: Plan, node: Node) -> Layout:
        """How x lies: as it comes where W was first seen."""
        weight = node.stored["weight"]
        F, G = weight.shape
        layout = plan.get(node.inputs[0]).layout
        C, S = (layout.channels, layout.space) if layout.is_last else (F, 1)
        form = plan.store.settle(weight, lambda: Permuted((F, G), (C, S, G), (1, 0, 2)))
        assert isinstance(form, Permuted)  # nobody else gives a linear weight its form
        C, S, _ = form.view
        return Layout(plan.shard.rows, C, S, C)

    def forward(self, plan: Plan, node: Node) -> None:
        """y."""
        weight, bias = node.stored["weight"], node.stored.get("bias")
        F, G = weight.shape
        x, y = plan.get(node.inputs[0], self._layout(plan, node)), plan.plain(node.output.shape)
        b = plan.weight(bias) if bias else 0
        block = gemm.Linear(x, plan.weight(weight), b, y, plan.shard.rows, F, G, sgemm())
        plan.call(gemm.linear, block, alone=True)
        plan.set(node.output, y)
        plan.saved[node] = x

    def backward(self, plan: Plan, node: Node, dy: Tensor) -> None:
        """dW and db, then dx."""
        (value,), x, rows = node.inputs, plan.saved[node], plan.shard.rows
        weight, bias = node.stored["weight"], node.stored.get("bias")
        F, G = weight.shape
        dy = plan.convert(dy, Layout.plain(rows, node.output.shape))
        dw, db = plan.gradient(weight), plan.gradient(bias) if bias else 0
        block = gemm.Linear(x, dw, db, dy, rows, F, G, sgemm())
        plan.call(gemm.linear_weights, block, alone=True)
        if plan.wants_gradient(value):
            dx = plan.new(x.layout)
            plan.call(gemm.linear_data, block._replace(x=dx, weight=plan.weight(weight), bias=0), alone=True)
            plan.contribute(value, dx)
