"""Verbs that move numbers and hardly compute: reshape, add, concatenate, mean over space."""

from __future__ import annotations

from math import prod

from koubai.engines.native.graph import Node, Value
from koubai.engines.native.instructions import Tensor
from koubai.engines.native.kernels import moving
from koubai.engines.native.layout import Layout
from koubai.engines.native.ops.base import BaseOp
from koubai.engines.native.plan import ShardPlan


class ReshapeOp(BaseOp):
    """Nothing happens: a layout gives the places of logical numbers, and a reshape keeps these."""

    def forward(self, plan: ShardPlan, node: Node) -> None:
        """The same tensor."""
        plan.set(node.output, plan.get(node.inputs[0]))

    def backward(self, plan: ShardPlan, node: Node, dy: Tensor) -> None:
        """The same tensor."""
        if plan.wants_gradient(node.inputs[0]):
            plan.contribute(node.inputs[0], dy)


class AddOp(BaseOp):
    """y = x1 + x2; both get dy."""

    def forward(self, plan: ShardPlan, node: Node) -> None:
        """y."""
        x1 = plan.get(node.inputs[0], plan.get(node.inputs[0]).layout.as_half(False))
        x2 = plan.convert(plan.get(node.inputs[1]), x1.layout)
        y = plan.new(x1.layout)
        plan.call(moving.add, moving.Add(x1, x2, y, y.elements))
        plan.set(node.output, y)

    def backward(self, plan: ShardPlan, node: Node, dy: Tensor) -> None:
        """dx1 = dx2 = dy."""
        wanting = [x for x in node.inputs if plan.wants_gradient(x)]
        for x in wanting[1:]:
            plan.contribute(x, dy, owned=False)
        for x in wanting[:1]:
            plan.contribute(x, dy)


class ConcatenateOp(BaseOp):
    """y = [x1, x2, ...] along the channels, channels last."""

    def _columns(self, plan: ShardPlan, node: Node) -> list[tuple[int, int, Layout]]:
        """(first column, columns, layout) of every input, for rows that are places."""
        at, found = 0, []
        for x in node.inputs:
            found.append((at, x.shape[0], plan.last(x.shape)))
            at += x.shape[0]
        return found

    def forward(self, plan: ShardPlan, node: Node) -> None:
        """y."""
        shape = node.output.shape
        y, places = plan.new(plan.last(shape)), plan.shard.rows * prod(shape[1:])
        for x, (at, width, layout) in zip(node.inputs, self._columns(plan, node), strict=True):
            block = moving.Columns(plan.get(x, layout), y, places, width, shape[0], at)
            plan.call(moving.columns_in, block)
        plan.set(node.output, y)

    def backward(self, plan: ShardPlan, node: Node, dy: Tensor) -> None:
        """dx_i = its columns of dy."""
        shape = node.output.shape
        dy, places = plan.convert(dy, plan.last(shape)), plan.shard.rows * prod(shape[1:])
        for x, (at, width, layout) in zip(node.inputs, self._columns(plan, node), strict=True):
            if plan.wants_gradient(x):
                dx = plan.new(layout)
                plan.call(moving.columns_out, moving.Columns(dx, dy, places, width, shape[0], at))
                plan.contribute(x, dx)


class MeanOverSpaceOp(BaseOp):
    """Global average pooling."""

    @staticmethod
    def _block(plan: ShardPlan, value: Value, x: Tensor, y: Tensor) -> moving.Mean:
        C, *space = value.shape
        return moving.Mean(x, y, plan.shard.rows, prod(space), C)

    def forward(self, plan: ShardPlan, node: Node) -> None:
        """y = mean over S of x."""
        (x,) = node.inputs
        y = plan.plain(node.output.shape)
        plan.call(moving.mean_over_space, self._block(plan, x, plan.get(x, plan.last(x.shape)), y))
        plan.set(node.output, y)

    def backward(self, plan: ShardPlan, node: Node, dy: Tensor) -> None:
        """dx = dy / S."""
        (x,) = node.inputs
        if plan.wants_gradient(x):
            dx, dy = plan.new(plan.last(x.shape)), plan.convert(dy, plan.get(node.output).layout)
            plan.call(moving.mean_over_space_backward, self._block(plan, x, dy, dx))
            plan.contribute(x, dx)
