"""Dropout."""

from __future__ import annotations

import numpy as np

from koubai.core.random import keep_threshold
from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import DropoutKey, Known, Tensor
from koubai.engines.native.kernels.dropout import Dropout, dropout, dropout_half
from koubai.engines.native.layout import Layout
from koubai.engines.native.ops.base import BaseOp
from koubai.engines.native.plan import ShardPlan


class DropoutOp(BaseOp):
    """x m / (1 - ratio), the mask made again in each direction; nothing when predicting."""

    def forward(self, plan: ShardPlan, node: Node) -> None:
        """y, in the place of x where nobody else needs x."""
        (x,) = node.inputs
        if not plan.training:
            plan.set(node.output, plan.get(x))
            return
        layout = _countable(plan.get(x).layout)
        y = plan.own(node, x) if layout == plan.get(x).layout else plan.copy(plan.get(x, layout))
        self._mask(plan, node, y)
        plan.set(node.output, y)

    def backward(self, plan: ShardPlan, node: Node, dy: Tensor) -> None:
        """dx, in the place of dy."""
        (x,) = node.inputs
        if plan.wants_gradient(x):
            dy = plan.convert(dy, _countable(dy.layout))
            self._mask(plan, node, dy)
            plan.contribute(x, dy)

    def _mask(self, plan: ShardPlan, node: Node, x: Tensor) -> None:
        ratio, layout = node.settings["ratio"], x.layout
        scale = float(np.float32(1) / np.float32(1 - ratio))
        block = Dropout(
            x, layout.rows, layout.channels, layout.space, plan.shard.first, keep_threshold(ratio),
            DropoutKey(node.path), Known.CONTROL, scale,
        )  # fmt: skip
        plan.call(dropout_half if layout.half else dropout, block)


def _countable(layout: Layout) -> Layout:
    """A layout in which the kernel knows the numbers of elements: plain or channels last."""
    if layout.is_plain or layout.is_last:
        return layout
    return Layout(layout.rows, layout.channels, layout.space, layout.channels, layout.half)
