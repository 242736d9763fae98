"""Convolution, by products of windows."""

from __future__ import annotations

from math import prod

from koubai.engines.native.backends.blas.library import sgemm
from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Buffer, Tensor
from koubai.engines.native.kernels import convolve as kernels
from koubai.engines.native.ops.base import BaseOp, two_axes
from koubai.engines.native.plan import Plan
from koubai.engines.native.store import Permuted

# Windows at a time: 256 KiB, which the cache of a core holds; but so many rows that BLAS, which copies W for
# every product, is not kept busy with that.
_COLUMNS, _ROWS = 1 << 16, 512


class ConvolveOp(BaseOp):
    """y = W * x + b;  dW and db, dx; channels last. W is kept with the channels of a window innermost."""

    def _weight(self, plan: Plan, node: Node) -> Buffer:
        weight = node.stored["weight"]
        M, C, *kernel = weight.shape
        plan.store.settle(weight, lambda: Permuted(weight.shape, (M, C, prod(kernel)), (0, 2, 1)))
        return plan.weight(weight)

    def _block(
        self, plan: Plan, node: Node, x: Tensor, weight: Buffer, bias: Buffer | int, y: Tensor
    ) -> kernels.Convolution:
        """Of the kernels; the windows get memory of their own."""
        s, H_W, P_Q = node.settings, node.inputs[0].shape[1:], node.output.shape[1:]
        M, inner, *kernel = node.stored["weight"].shape
        (P, Q), samples = two_axes(P_Q, 1), plan.shard.rows
        line = Q * prod(kernel) * inner
        lines = min(samples * P, max(_COLUMNS // line, -(-_ROWS // Q)))
        window = (
            *(*two_axes(tuple(kernel), 1), *two_axes(s["stride"], 1)),
            *(*two_axes(s["dilation"], 1), *two_axes(s["padding"], 0)),
        )
        sizes = samples, *two_axes(H_W, 1), inner * s["groups"], P, Q, M
        columns = plan.floats(lines * line)
        return kernels.Convolution(x, weight, bias, y, columns, *sizes, *window, s["groups"], lines, sgemm())

    def forward(self, plan: Plan, node: Node) -> None:
        """y."""
        (value,), bias = node.inputs, node.stored.get("bias")
        x, y = plan.get(value, plan.last(value.shape)), plan.new(plan.last(node.output.shape))
        b, weight = plan.weight(bias) if bias else 0, self._weight(plan, node)
        plan.call(kernels.convolve, self._block(plan, node, x, weight, b, y), alone=True)
        plan.set(node.output, y)
        plan.saved[node] = x

    def backward(self, plan: Plan, node: Node, dy: Tensor) -> None:
        """dW and db, then dx."""
        (value,), x, bias = node.inputs, plan.saved[node], node.stored.get("bias")
        dy = plan.convert(dy, plan.last(node.output.shape))
        dw, db = plan.gradient(node.stored["weight"]), plan.gradient(bias) if bias else 0
        block = self._block(plan, node, x, dw, db, dy)
        plan.call(kernels.convolve_weights, block, alone=True)
        if plan.wants_gradient(value):
            dx = plan.new(x.layout)
            block = block._replace(x=dx, weight=self._weight(plan, node), bias=0)
            plan.call(kernels.convolve_data, block, alone=True)
            plan.contribute(value, dx)
