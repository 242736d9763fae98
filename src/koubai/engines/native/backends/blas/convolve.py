"""Convolution, by products of windows."""

from __future__ import annotations

from math import prod

from koubai.engines.native.backends.blas.library import sgemm
from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Argument, Buffer, Tensor
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

    def _geometry(self, plan: Plan, node: Node) -> tuple[Buffer, tuple[Argument, ...]]:
        """Memory for the windows, and all numbers of the kernels behind it."""
        s, x, y = node.settings, node.inputs[0].shape, node.output.shape
        kernel = node.stored["weight"].shape[2:]
        (P, Q), samples = two_axes(y[1:], 1), plan.part.rows
        line = Q * prod(kernel) * x[0] // s["groups"]
        lines = min(samples * P, max(_COLUMNS // line, -(-_ROWS // Q)))
        window = (
            *(*two_axes(kernel, 1), *two_axes(s["stride"], 1)),
            *(*two_axes(s["dilation"], 1), *two_axes(s["padding"], 0)),
        )
        sizes = (samples, *two_axes(x[1:], 1), x[0], P, Q, y[0])
        return plan.floats(lines * line), (*sizes, *window, s["groups"], lines, sgemm())

    def forward(self, plan: Plan, node: Node) -> None:
        """y."""
        (value,), bias = node.inputs, node.stored.get("bias")
        x, y = plan.get(value, plan.last(value.shape)), plan.new(plan.last(node.output.shape))
        b, (columns, numbers) = plan.weight(bias) if bias else 0, self._geometry(plan, node)
        plan.call_alone(kernels.convolve, x, self._weight(plan, node), b, y, columns, *numbers)
        plan.set(node.output, y)
        plan.saved[node] = x

    def backward(self, plan: Plan, node: Node, dy: Tensor) -> None:
        """dW and db, then dx."""
        (value,), x, bias = node.inputs, plan.saved[node], node.stored.get("bias")
        dy = plan.convert(dy, plan.last(node.output.shape))
        dw, db = plan.gradient(node.stored["weight"]), plan.gradient(bias) if bias else 0
        columns, numbers = self._geometry(plan, node)
        plan.call_alone(kernels.convolve_weights, x, dw, db, dy, columns, *numbers)
        if plan.wants_gradient(value):
            dx = plan.new(x.layout)
            plan.call_alone(kernels.convolve_data, dx, self._weight(plan, node), 0, dy, columns, *numbers)
            plan.contribute(value, dx)
