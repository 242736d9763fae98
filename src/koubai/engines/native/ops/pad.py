"""Padding with places of the picture itself."""

from __future__ import annotations

from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Tensor
from koubai.engines.native.kernels import pad as kernels
from koubai.engines.native.ops.base import BaseOp, two_axes
from koubai.engines.native.plan import Plan


class PadOp(BaseOp):
    """Channels last; an axis alone is a row."""

    def _numbers(self, plan: Plan, node: Node) -> tuple[int, ...]:
        (x,), settings = node.inputs, node.settings
        around = two_axes(settings["padding"], 0)
        mirrored = int(settings["mode"] == "reflect")
        return plan.part.rows, *two_axes(x.shape[1:], 1), x.shape[0], *around, mirrored

    def forward(self, plan: Plan, node: Node) -> None:
        """y."""
        (value,) = node.inputs
        y = plan.new(plan.last(node.output.shape))
        plan.call(kernels.pad, plan.get(value, plan.last(value.shape)), y, *self._numbers(plan, node))
        plan.set(node.output, y)

    def backward(self, plan: Plan, node: Node, dy: Tensor) -> None:
        """dx."""
        (value,) = node.inputs
        if plan.wants_gradient(value):
            dy, dx = plan.convert(dy, plan.last(node.output.shape)), plan.new(plan.last(value.shape))
            plan.call(kernels.pad_backward, dy, dx, *self._numbers(plan, node))
            plan.contribute(value, dx)
