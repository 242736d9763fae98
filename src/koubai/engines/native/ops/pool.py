"""Pooling of windows."""

from __future__ import annotations

from koubai.engines.native.graph import Node
from koubai.engines.native.kernels import pool as kernels
from koubai.engines.native.kernels.pointwise import relu_backward
from koubai.engines.native.ops.base import BaseOp
from koubai.engines.native.plan import Argument, Buffer, Plan, Tensor


def _two_axes(numbers: tuple[int, ...], alone: int) -> tuple[int, int]:
    """One axis of space counts as the columns of a single row."""
    return (alone, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1])


def _geometry(plan: Plan, node: Node, block: int) -> tuple[int, ...]:
    """(samples, C, B, H, W, P, Q, kernel, stride, padding)."""
    s, x, y = node.settings, node.inputs[0].shape, node.output.shape
    space, out = _two_axes(x[1:], 1), _two_axes(y[1:], 1)
    window = (*_two_axes(s["size"], 1), *_two_axes(s["stride"], 1), *_two_axes(s["padding"], 0))
    return plan.part.rows, x[0], block, *space, *out, *window


def _input(plan: Plan, node: Node) -> tuple[Tensor, int]:
    """x as blocks of channels, and the size of a block."""
    (value,) = node.inputs
    x = plan.get(value)
    if not (x.layout.is_plain or x.layout.is_last) and x.layout.channels == value.shape[0]:
        return x, x.layout.block
    return plan.get(value, plan.last(value.shape)), value.shape[0]


class MaxPoolOp(BaseOp):
    """Maximum pooling; with the setting `relu`, of max(0, x), which is max(0, maximum)."""

    def keeps_output(self, node: Node) -> bool | str:
        """Where ReLU is part of it."""
        return "sign" if node.settings.get("relu") else False

    def forward(self, plan: Plan, node: Node) -> None:
        """y, and the place of each maximum."""
        x, block = _input(plan, node)
        y = plan.new(plan.last(node.output.shape))
        places = Buffer(y.words)
        plan.call(
            kernels.max_pool, x, y, places, *_geometry(plan, node, block), int(node.settings.get("relu", 0))
        )
        plan.set(node.output, y)
        plan.saved[node] = x.layout, places, y, block

    def backward(self, plan: Plan, node: Node, dy: Tensor) -> None:
        """dx at the places."""
        (value,) = node.inputs
        if not plan.wants_gradient(value):
            return
        layout, places, y, block = plan.saved[node]
        dy = plan.convert(dy, y.layout)
        if node.settings.get("relu"):
            plan.call(relu_backward, y, dy, dy.words)
            if plan.taps is not None:
                plan.taps.masked(plan, node, dy)
        dx = plan.new(layout)
        arguments: tuple[Argument, ...] = (
            dx,
            dy,
            places,
            *_geometry(plan, node, block),
            int(self._covers(node)),
        )
        plan.call(kernels.max_pool_backward, *arguments)
        plan.contribute(value, dx)

    @staticmethod
    def _covers(node: Node) -> bool:
        """Whether the windows cover x without overlap."""
        s = node.settings
        whole = all(n % k == 0 for n, k in zip(node.inputs[0].shape[1:], s["size"], strict=True))
        return whole and s["stride"] == s["size"] and not any(s["padding"])


class AveragePoolOp(BaseOp):
    """Average pooling."""

    def forward(self, plan: Plan, node: Node) -> None:
        """y."""
        x, block = _input(plan, node)
        y = plan.new(plan.last(node.output.shape))
        plan.call(kernels.average_pool, x, y, 0, *_geometry(plan, node, block), 0)
        plan.set(node.output, y)
        plan.saved[node] = x.layout, y.layout, block

    def backward(self, plan: Plan, node: Node, dy: Tensor) -> None:
        """dx."""
        (value,) = node.inputs
        if plan.wants_gradient(value):
            layout, y_layout, block = plan.saved[node]
            dx = plan.new(layout)
            dy = plan.convert(dy, y_layout)
            plan.call(kernels.average_pool_backward, dx, dy, 0, *_geometry(plan, node, block), 0)
            plan.contribute(value, dx)
