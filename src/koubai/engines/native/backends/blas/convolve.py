"""Convolution, by products of windows."""

from __future__ import annotations

from math import prod

from koubai.engines.native.backends.blas.library import sgemm
from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Buffer, Tensor
from koubai.engines.native.kernels import convolve as kernels
from koubai.engines.native.kernels import tiles
from koubai.engines.native.kernels.transpose import Matrix, transpose
from koubai.engines.native.ops.base import BaseOp, two_axes
from koubai.engines.native.plan import ShardPlan
from koubai.engines.native.store import Permuted

# Windows at a time: 256 KiB, which the cache of a core holds; but so many rows that BLAS, which copies W for
# every product, is not kept busy with that.
_COLUMNS, _ROWS = 1 << 16, 512


class ConvolveOp(BaseOp):
    """y = W * x + b;  dW and db, dx; channels last. W is kept with the channels of a window innermost.

    Products are koubai's own; those of a convolution of several groups are BLAS's.
    """

    def _own(self, node: Node) -> bool:
        return node.settings["groups"] == 1 and tiles.pay()

    def _kernels(self, node: Node) -> kernels.Kernels:
        return kernels.OWN if self._own(node) else kernels.BLAS

    def _turned(self, plan: ShardPlan, node: Node) -> Buffer | int:
        """W^T of a single group, made before every forward product."""
        if not self._own(node):
            return 0
        M, *rest = node.stored["weight"].shape
        turned = plan.floats(M * prod(rest))
        plan.call(
            transpose,
            Matrix(self._weight(plan, node), turned, M, prod(rest)),
            why="W as the forward product reads it",
        )
        return turned

    def _weight(self, plan: ShardPlan, node: Node) -> Buffer:
        weight = node.stored["weight"]
        M, C, *kernel = weight.shape
        plan.store.settle(weight, lambda: Permuted(weight.shape, (M, C, prod(kernel)), (0, 2, 1)))
        return plan.weight(weight)

    def _block(
        self, plan: ShardPlan, node: Node, x: Tensor, weight: Buffer, bias: Buffer | int, y: Tensor
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
        columns, product = plan.floats(lines * line), 0 if self._own(node) else sgemm()
        return kernels.Convolution(
            x, weight, bias, y, columns, 0, *sizes, *window, s["groups"], lines, product
        )

    def forward(self, plan: ShardPlan, node: Node) -> None:
        """y."""
        (value,), bias = node.inputs, node.stored.get("bias")
        x, y = plan.get(value, plan.last(value.shape)), plan.new(plan.last(node.output.shape))
        b, weight = plan.weight(bias) if bias else 0, self._weight(plan, node)
        block = self._block(plan, node, x, weight, b, y)._replace(turned=self._turned(plan, node))
        plan.call(self._kernels(node).forward, block, alone=True)
        plan.set(node.output, y)
        plan.saved[node] = x

    def backward(self, plan: ShardPlan, node: Node, dy: Tensor) -> None:
        """dW and db, then dx."""
        (value,), x, bias = node.inputs, plan.saved[node], node.stored.get("bias")
        dy = plan.convert(dy, plan.last(node.output.shape))
        dw, db = plan.gradient(node.stored["weight"]), plan.gradient(bias) if bias else 0
        block = self._block(plan, node, x, dw, db, dy)
        plan.call(self._kernels(node).weights, block, alone=True)
        if plan.wants_gradient(value):
            dx = plan.new(x.layout)
            block = block._replace(x=dx, weight=self._weight(plan, node), bias=0)
            plan.call(self._kernels(node).data, block, alone=True)
            plan.contribute(value, dx)
